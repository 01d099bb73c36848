import type { LoraInfo } from '../core/endpoint.ts';
import { AttributeCollector, type Collector, SignalCollector } from './collectors.ts';
import { type Engine, metricNames, type SignalName, SIGNALS, type SignalSpec } from './engines.ts';
import { indexNames, type NameIndex, scanPage } from './exposition.ts';
import { LoraCollector } from './lora.ts';
import type { Sample } from './sample.ts';

/** What one page said, `NaN` where it said nothing usable. Reused by the next read. */
export interface PageReading {
  readonly values: Record<SignalName, number>;
  /** In the order of the engine's attributes. */
  readonly attributes: Float64Array;
  /** Undefined when the page tells nothing of LoRA. */
  readonly lora: LoraInfo | undefined;
  /** Signals and attributes the engine should show and the page did not, or not as a possible value. */
  readonly missing: readonly string[];
  /** How many of the engine's metric names the page has, with whatever labels. */
  readonly names: number;
  /** Whether the page is the engine's: some of the load is on it, or anything where the engine shows no load. */
  readonly usable: boolean;
}

interface SignalPlan {
  readonly signal: SignalName;
  readonly across: SignalSpec['across'];
  readonly collectors: readonly SignalCollector[];
}

const LOAD: readonly SignalName[] = ['waiting', 'running', 'kvUsage'];
const NOTHING: readonly string[] = [];

/** Reads the signals of one engine out of pages. Holds scratch space: one per thread and engine. */
export class SignalReader {
  readonly #names: NameIndex;
  readonly #plans: readonly SignalPlan[];
  readonly #attributes: readonly AttributeCollector[];
  readonly #lora: LoraCollector | undefined;
  readonly #showsLoad: boolean;
  readonly #collectorsByName: readonly (readonly Collector[])[];
  /** 1 for every name that is on the page. */
  readonly #seen: Uint8Array;
  readonly #attributeValues: Float64Array;
  readonly #values: Record<SignalName, number> = {
    waiting: Number.NaN,
    running: Number.NaN,
    kvUsage: Number.NaN,
    blockTokens: Number.NaN,
    blockCount: Number.NaN,
  };

  constructor(engine: Engine) {
    const { signals, attributes = [], lora } = engine;
    this.#plans = SIGNALS.flatMap((signal): SignalPlan[] => {
      const spec = signals[signal];
      if (spec === undefined) return [];
      const collectors = spec.sources.map((source) => new SignalCollector(signal, source, spec.per));
      return [{ signal, across: spec.across, collectors }];
    });
    this.#showsLoad = LOAD.some((signal) => signals[signal] !== undefined);
    this.#attributes = attributes.map((attribute) => new AttributeCollector(attribute));
    this.#attributeValues = new Float64Array(attributes.length);
    this.#lora = lora && new LoraCollector(lora);
    const names = metricNames(engine);
    const collectors = this.#collectors();
    this.#names = indexNames(names);
    this.#seen = new Uint8Array(names.length);
    this.#collectorsByName = names.map((name) => collectors.filter(({ metric }) => metric.name === name));
  }

  /** Reads a page; the answer is valid until the next call. Never throws. */
  read(page: Uint8Array): PageReading {
    this.#clear();
    scanPage(page, this.#names, this.#collect, this.#glance);
    let missing = NOTHING;
    let found = 0;
    for (const { signal, across, collectors } of this.#plans) {
      const value = collectors.find((collector) => collector.seen)?.combine(across) ?? Number.NaN;
      this.#values[signal] = value;
      if (Number.isNaN(value)) missing = [...missing, signal];
      else found++;
    }
    for (const [index, { key, value }] of this.#attributes.entries()) {
      this.#attributeValues[index] = value;
      if (Number.isNaN(value)) missing = [...missing, key];
      else found++;
    }
    const lora = this.#lora?.read();
    const usable = this.#showsLoad
      ? LOAD.some((signal) => !Number.isNaN(this.#values[signal]))
      : found > 0 || lora !== undefined || missing.length === 0;
    const names = this.#seen.reduce((sum, seen) => sum + seen, 0);
    return { values: this.#values, attributes: this.#attributeValues, lora, missing, names, usable };
  }

  #clear(): void {
    for (const plan of this.#plans) for (const collector of plan.collectors) collector.clear();
    for (const attribute of this.#attributes) attribute.clear();
    this.#lora?.clear();
    this.#seen.fill(0);
  }

  #collectors(): readonly Collector[] {
    return [...this.#plans.flatMap((plan) => plan.collectors), ...this.#attributes, ...(this.#lora?.collectors ?? [])];
  }

  readonly #collect = (name: number, sample: Sample): void => {
    this.#seen[name] = 1;
    for (const collector of this.#collectorsByName[name]) {
      if (collector.metric.labels.every(([label, value]) => sample.label(label) === value)) collector.take(sample);
    }
  };

  readonly #glance = (name: number, page: Buffer, start: number, end: number): boolean =>
    this.#collectorsByName[name].every((collector) => collector.glance?.(page, start, end) === true);
}
