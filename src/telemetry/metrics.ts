import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { FAMILIES, type Family, type FamilyName, HELP_PREFIX, METRIC_PREFIX } from './families.ts';
import { HistogramFamily } from './histogram-family.ts';
import { LabelLimit } from './label-limit.ts';
import { registerLegacy } from './legacy.ts';

/** Which families there are besides the always present ones. */
export interface MetricsOptions {
  /** Those of the process: memory, CPU, event loop. */
  readonly processMetrics: boolean;
  /** Those about ext_proc streams; without them nobody may ask for these families. */
  readonly streamMetrics?: boolean | undefined;
  /** The names of former generations. */
  readonly legacyMetrics?: boolean | undefined;
}

/** Sets the children of a gauge that holds none. */
export type FillGauge = (gauge: Gauge) => void;

/** Every family of the table, registered once. */
export class Metrics {
  readonly registry = new Registry();
  /** Model names exported so far, whatever the family and the label. */
  readonly models = new LabelLimit();
  readonly #families = new Map<FamilyName, Counter | Gauge | HistogramFamily>();
  readonly #fills = new Map<FamilyName, Set<FillGauge>>();

  constructor({ processMetrics, streamMetrics = false, legacyMetrics = false }: MetricsOptions) {
    for (const name of Object.keys(FAMILIES) as FamilyName[]) {
      const family: Family = FAMILIES[name];
      if (family.streams !== true || streamMetrics) this.#families.set(name, this.#register(name, family));
    }
    if (legacyMetrics) registerLegacy(this.registry, (name) => this.#families.get(name));
    if (processMetrics) collectDefaultMetrics({ register: this.registry });
  }

  counter(name: FamilyName): Counter {
    return this.#families.get(name) as Counter;
  }

  gauge(name: FamilyName): Gauge {
    return this.#families.get(name) as Gauge;
  }

  histogram(name: FamilyName): HistogramFamily {
    return this.#families.get(name) as HistogramFamily;
  }

  /** Has a gauge filled anew whenever metrics are read, besides others who do, until what it returns is called. */
  onRead(name: FamilyName, fill: FillGauge): () => void {
    const fills = this.#fills.get(name) ?? new Set();
    this.#fills.set(name, fills.add(fill));
    return () => fills.delete(fill);
  }

  #fill(name: FamilyName): void {
    const fills = this.#fills.get(name);
    if (fills === undefined) return;
    const gauge = this.gauge(name);
    gauge.reset();
    for (const fill of fills) fill(gauge);
  }

  #register(name: FamilyName, family: Family): Counter | Gauge | HistogramFamily {
    const settings = {
      name: METRIC_PREFIX + name,
      help: HELP_PREFIX + family.help,
      labelNames: [...family.labels],
      registers: [this.registry],
    };
    if (family.type === 'counter') return new Counter(settings);
    if (family.type === 'gauge') return new Gauge({ ...settings, collect: () => this.#fill(name) });
    const histogram = new HistogramFamily({ ...settings, buckets: family.buckets ?? [] });
    // The registry asks for a name and `get`, though its types want one of its own classes.
    this.registry.registerMetric(histogram as unknown as Gauge);
    return histogram;
  }
}
