import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { FAMILIES, type Family, type FamilyName, HELP_PREFIX, METRIC_PREFIX } from './families.ts';

/** Every family of the table, registered once. */
export class Metrics {
  readonly registry = new Registry();
  readonly #families = new Map<FamilyName, Counter | Gauge | Histogram>();

  constructor(options: { readonly processMetrics: boolean }) {
    for (const name of Object.keys(FAMILIES) as FamilyName[]) this.#families.set(name, this.#register(name));
    if (options.processMetrics) collectDefaultMetrics({ register: this.registry });
  }

  counter(name: FamilyName): Counter {
    return this.#families.get(name) as Counter;
  }

  gauge(name: FamilyName): Gauge {
    return this.#families.get(name) as Gauge;
  }

  histogram(name: FamilyName): Histogram {
    return this.#families.get(name) as Histogram;
  }

  #register(name: FamilyName): Counter | Gauge | Histogram {
    const family: Family = FAMILIES[name];
    const settings = {
      name: METRIC_PREFIX + name,
      help: HELP_PREFIX + family.help,
      labelNames: [...family.labels],
      registers: [this.registry],
    };
    if (family.type === 'counter') return new Counter(settings);
    if (family.type === 'gauge') return new Gauge(settings);
    return new Histogram({ ...settings, buckets: [...(family.buckets ?? [])] });
  }
}
