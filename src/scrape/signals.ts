import { type Engine, type SignalName, SIGNALS, type SignalSource, type SignalSpec } from './engines.ts';
import { indexNames, type NameIndex, scanPage } from './exposition.ts';
import { parseNumber, type Sample } from './sample.ts';

/** What one page said, `NaN` where it said nothing usable. Reused by the next read. */
export interface SignalValues {
  readonly values: Record<SignalName, number>;
  /** Signals the engine should show and the page did not, or not as a possible value. */
  readonly missing: readonly SignalName[];
}

/** Values that make no sense are unknown: a wrong unit or a bug must not pass for a load. */
const POSSIBLE: Readonly<Record<SignalName, (value: number) => boolean>> = {
  waiting: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
  running: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
  kvUsage: (value) => value >= 0 && value <= 1,
  blockTokens: (value) => value > 0 && value < Number.POSITIVE_INFINITY,
  blockCount: (value) => value > 0 && value < Number.POSITIVE_INFINITY,
};

/** One source of one signal, and what it has collected from the page at hand: a value per parallel engine. */
interface Collector {
  readonly signal: SignalName;
  readonly source: SignalSource;
  readonly per: readonly string[];
  readonly byEngine: Map<string, number>;
}

interface SignalPlan {
  readonly signal: SignalName;
  readonly across: SignalSpec['across'];
  readonly collectors: readonly Collector[];
}

/** Reads the signals of one engine out of pages. Holds scratch space: one per thread and engine. */
export class SignalReader {
  readonly #names: NameIndex;
  readonly #plans: readonly SignalPlan[];
  readonly #collectorsByName: Collector[][] = [];
  readonly #values: Record<SignalName, number> = {
    waiting: Number.NaN,
    running: Number.NaN,
    kvUsage: Number.NaN,
    blockTokens: Number.NaN,
    blockCount: Number.NaN,
  };

  constructor(engine: Engine) {
    const nameIndexes = new Map<string, number>();
    this.#plans = SIGNALS.flatMap((signal): SignalPlan[] => {
      const spec = engine.signals[signal];
      if (spec === undefined) return [];
      const collectors = spec.sources.map((source): Collector => {
        return { signal, source, per: spec.per, byEngine: new Map() };
      });
      return [{ signal, across: spec.across, collectors }];
    });
    for (const collector of this.#plans.flatMap((plan) => plan.collectors)) {
      const { name } = collector.source.metric;
      const index = nameIndexes.get(name) ?? nameIndexes.size;
      nameIndexes.set(name, index);
      (this.#collectorsByName[index] ??= []).push(collector);
    }
    this.#names = indexNames([...nameIndexes.keys()]);
  }

  /** Reads a page; the answer is valid until the next call. Never throws. */
  read(page: Uint8Array): SignalValues {
    for (const plan of this.#plans) for (const collector of plan.collectors) collector.byEngine.clear();
    scanPage(page, this.#names, this.#collect);
    let missing: SignalName[] = NOTHING;
    for (const { signal, across, collectors } of this.#plans) {
      const shown = collectors.find((collector) => collector.byEngine.size > 0);
      const value = shown === undefined ? Number.NaN : combine(shown.byEngine, across);
      this.#values[signal] = value;
      if (Number.isNaN(value)) missing = [...missing, signal];
    }
    return { values: this.#values, missing };
  }

  readonly #collect = (name: number, sample: Sample): void => {
    for (const collector of this.#collectorsByName[name]) {
      const { metric, valueLabel } = collector.source;
      if (!metric.labels.every(([label, value]) => sample.label(label) === value)) continue;
      const raw = valueLabel === undefined ? sample.value : (parseNumber(sample.label(valueLabel)) ?? Number.NaN);
      const value = POSSIBLE[collector.signal](raw) ? raw : Number.NaN;
      const engine = engineKey(collector.per, sample);
      const known = collector.byEngine.get(engine);
      if (known === undefined || Number.isNaN(known) || value > known) collector.byEngine.set(engine, value);
    }
  };
}

const NOTHING: SignalName[] = [];

function engineKey(per: readonly string[], sample: Sample): string {
  let key = '';
  for (const label of per) key += `${sample.label(label)}\0`;
  return key;
}

/** One unknown engine makes the whole unknown: what the others show is no bound for it. */
function combine(byEngine: ReadonlyMap<string, number>, across: SignalSpec['across']): number {
  let sum = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of byEngine.values()) {
    sum += value;
    max = Math.max(max, value);
  }
  if (across === 'sum') return sum;
  return across === 'mean' ? sum / byEngine.size : max;
}
