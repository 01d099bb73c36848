import type { AttributeSpec, SignalName, SignalSource, SignalSpec } from './engines.ts';
import type { MetricSpec } from './metric-spec.ts';
import { parseNumber, type Sample } from './sample.ts';

/** Takes the samples of one metric whose labels match. */
export interface Collector {
  readonly metric: MetricSpec;
  take(sample: Sample): void;
  /** Takes a sample without a look at its labels; false when they matter. */
  glance?(page: Buffer, start: number, end: number): boolean;
}

/** Values that make no sense are unknown: a wrong unit or a bug must not pass for a load. */
const POSSIBLE: Readonly<Record<SignalName, (value: number) => boolean>> = {
  waiting: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
  running: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
  kvUsage: (value) => value >= 0 && value <= 1,
  blockTokens: (value) => value > 0 && value < Number.POSITIVE_INFINITY,
  blockCount: (value) => value > 0 && value < Number.POSITIVE_INFINITY,
};

/** One source of one signal: what the page at hand says of it, a value per parallel engine. */
export class SignalCollector implements Collector {
  readonly metric: MetricSpec;
  readonly #valueLabel: string | undefined;
  readonly #per: readonly string[];
  readonly #possible: (value: number) => boolean;
  readonly #byEngine = new Map<string, number>();
  /** Timestamps of the values that have one. */
  readonly #times = new Map<string, number>();

  constructor(signal: SignalName, { metric, valueLabel }: SignalSource, per: readonly string[]) {
    this.metric = metric;
    this.#valueLabel = valueLabel;
    this.#per = per;
    this.#possible = POSSIBLE[signal];
  }

  /** Whether the page has the metric at all. */
  get seen(): boolean {
    return this.#byEngine.size > 0;
  }

  clear(): void {
    this.#byEngine.clear();
    this.#times.clear();
  }

  take(sample: Sample): void {
    const label = this.#valueLabel;
    const raw = label === undefined ? sample.value : (parseNumber(sample.label(label)) ?? Number.NaN);
    const value = this.#possible(raw) ? raw : Number.NaN;
    const engine = engineKey(this.#per, sample);
    const known = this.#byEngine.get(engine);
    const time = sample.timestamp;
    const knownTime = this.#times.get(engine) ?? NO_TIME;
    if (time < knownTime) return;
    if (known === undefined || Number.isNaN(known) || value > known || time > knownTime) {
      this.#byEngine.set(engine, value);
      if (time > knownTime) this.#times.set(engine, time);
    }
  }

  /** One number of all engines. One unknown engine makes the whole unknown: what the others show is no bound for it. */
  combine(across: SignalSpec['across']): number {
    let sum = 0;
    let max = Number.NEGATIVE_INFINITY;
    for (const value of this.#byEngine.values()) {
      sum += value;
      max = Math.max(max, value);
    }
    if (across === 'sum') return sum;
    return across === 'mean' ? sum / this.#byEngine.size : max;
  }
}

/** A custom number: of several series the newest, and the first of those without a timestamp. */
export class AttributeCollector implements Collector {
  readonly key: string;
  readonly metric: MetricSpec;
  #value = Number.NaN;
  #time = NO_TIME;

  constructor({ key, metric }: AttributeSpec) {
    this.key = key;
    this.metric = metric;
  }

  /** `NaN` when the page has no number for it. */
  get value(): number {
    return this.#value;
  }

  clear(): void {
    this.#value = Number.NaN;
    this.#time = NO_TIME;
  }

  take({ value, timestamp }: Sample): void {
    if (!Number.isFinite(value) || (timestamp <= this.#time && !Number.isNaN(this.#value))) return;
    this.#value = value;
    this.#time = timestamp;
  }
}

const NO_TIME = Number.NEGATIVE_INFINITY;

/** Names the engine a series belongs to, by the labels that tell engines apart. */
export function engineKey(per: readonly string[], sample: Sample): string {
  let key = '';
  for (const label of per) key += `${sample.label(label)}\0`;
  return key;
}
