import type { LoraInfo } from '../core/endpoint.ts';
import type { Columns } from '../datastore/columns.ts';
import type { EndpointFact } from '../datastore/endpoint-facts.ts';
import type { Engine } from './engines.ts';
import type { FetchFault } from './fetch-page.ts';
import type { Target } from './loop.ts';
import { sameLora } from './lora.ts';
import type { PageReader, Verdict } from './page-reader.ts';
import { type PageReading, SignalReader } from './signals.ts';

/** Where what metrics pages say goes. */
export interface MetricsSinks {
  readonly columns: Columns;
  /** Columns of custom attributes, by key. */
  readonly attributes: ReadonlyMap<string, Float64Array>;
  /** Told what changed. */
  readonly tell: (fact: EndpointFact) => void;
  readonly nowMs: () => number;
}

/** Makes readers of metrics pages; endpoints of one engine share what a reader needs room for. */
export function metricsReaders(engines: readonly Engine[], sinks: MetricsSinks): (target: Target) => PageReader {
  const layouts = engines.map((engine) => new EngineLayout(engine, sinks.attributes));
  return (target) => new MetricsReader(target, layouts[target.engine], sinks);
}

/** How pages of one engine are read, and which of their numbers go to which attribute. */
class EngineLayout {
  readonly reader: SignalReader;
  readonly tellsLora: boolean;
  /** Every attribute, also those this engine does not have; they are unknown here. */
  readonly columns: readonly (readonly [column: Float64Array, place: number])[];

  constructor(engine: Engine, attributes: ReadonlyMap<string, Float64Array>) {
    this.reader = new SignalReader(engine);
    this.tellsLora = engine.lora !== undefined;
    const keys = engine.attributes?.map(({ key }) => key) ?? [];
    this.columns = Array.from(attributes, ([key, column]) => [column, keys.indexOf(key)] as const);
  }
}

class MetricsReader implements PageReader {
  readonly #target: Target;
  readonly #layout: EngineLayout;
  readonly #sinks: MetricsSinks;
  /** What was told last; nothing was before the first page. */
  #lora: LoraInfo | undefined | 'untold' = 'untold';

  constructor(target: Target, layout: EngineLayout, sinks: MetricsSinks) {
    this.#target = target;
    this.#layout = layout;
    this.#sinks = sinks;
  }

  read(page: Uint8Array, leastNames: number): Verdict {
    const reading = this.#layout.reader.read(page);
    const { names, missing } = reading;
    const good = reading.usable && names >= leastNames;
    if (good) this.#write(reading);
    if (good && missing.length === 0) return { good, names };
    return { good, names, trouble: `not on the page, or not usable: ${missing.join(', ')}` };
  }

  /** Tells the picking thread at once whether the endpoint can be reached: the report may be a second away. */
  reached(fault: FetchFault | undefined): void {
    const { columns, nowMs } = this.#sinks;
    const { slot, generation, serves } = this.#target;
    if (!serves || Atomics.load(columns.generation, slot) !== generation) return;
    const { refusedSinceMs, hungSinceMs } = columns;
    if (fault !== 'connect') refusedSinceMs[slot] = Number.NaN;
    else if (Number.isNaN(refusedSinceMs[slot])) refusedSinceMs[slot] = nowMs();
    if (fault !== 'timeout') hungSinceMs[slot] = Number.NaN;
    else if (Number.isNaN(hungSinceMs[slot])) hungSinceMs[slot] = nowMs();
  }

  #write({ values, attributes, lora }: PageReading): void {
    const { columns, nowMs } = this.#sinks;
    const { slot, generation } = this.#target;
    // The slot may have a new tenant that the main thread has not told of yet.
    if (Atomics.load(columns.generation, slot) !== generation) return;
    columns.waiting[slot] = values.waiting;
    columns.running[slot] = values.running;
    columns.kvUsage[slot] = values.kvUsage;
    columns.blockTokens[slot] = values.blockTokens;
    columns.blockCount[slot] = values.blockCount;
    for (const [column, place] of this.#layout.columns) column[slot] = place === -1 ? Number.NaN : attributes[place];
    columns.scrapedAtMs[slot] = nowMs();
    // Last: whoever sees the new count sees the values it counts.
    Atomics.add(columns.scrapes, slot, 1);
    if (this.#layout.tellsLora) this.#tellLora(lora);
  }

  #tellLora(value: LoraInfo | undefined): void {
    if (this.#lora !== 'untold' && sameLora(this.#lora, value)) return;
    this.#lora = value;
    const { slot, generation } = this.#target;
    this.#sinks.tell({ slot, generation, about: 'lora', value });
  }
}
