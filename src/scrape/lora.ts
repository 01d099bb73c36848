import type { LoraInfo } from '../core/endpoint.ts';
import type { LoraSpec } from './engines.ts';
import { type Collector, engineKey } from './collectors.ts';
import type { MetricSpec } from './metric-spec.ts';
import { parseNumber, type Sample, valueAtEnd } from './sample.ts';

/** Adapters kept of one list, and the longest name of one: what a page can make us hold. */
export const MAX_ADAPTERS = 512;
const MAX_NAME = 256;

/** Where the newest info series of one engine stands on the page. */
interface Mark {
  value: number;
  start: number;
  end: number;
}

/**
 * What one page says about LoRA adapters. A vLLM server never drops an info series, so that there may be thousands;
 * where they do not name engines only their values are looked at, and the labels of the newest.
 */
export class LoraCollector {
  readonly collectors: readonly Collector[];
  readonly #newest = new Map<string, Mark>();
  #loaded = new Set<string>();
  #capacity = Number.NaN;
  /** The newest of all, where labels make no difference. */
  #only: Mark | undefined;
  #cursor: Sample | undefined;

  constructor({ info, loaded, capacity, per }: LoraSpec) {
    const collectors: Collector[] = [
      {
        metric: info,
        take: (sample) => this.#takeInfo(sample, info, per),
        glance: (page, start, end) => this.#glanceAtInfo(page, start, end),
      },
    ];
    if (loaded !== undefined) collectors.push({ metric: loaded, take: (sample) => this.#takeLoaded(sample) });
    if (capacity !== undefined) {
      collectors.push({
        metric: capacity,
        take: ({ value }) => {
          this.#capacity = larger(this.#capacity, value);
        },
      });
    }
    this.collectors = collectors;
  }

  /** Forgets the page before. */
  clear(): void {
    this.#newest.clear();
    this.#loaded = new Set();
    this.#capacity = Number.NaN;
    this.#only = undefined;
  }

  /**
   * The adapters, while the page is still there; undefined when it tells nothing of any. Engines side by side may each
   * hold the same adapters, so that the room of one is the room there is.
   */
  read(): LoraInfo | undefined {
    const cursor = this.#cursor;
    if (cursor === undefined || (this.#newest.size === 0 && this.#loaded.size === 0 && Number.isNaN(this.#capacity))) {
      return undefined;
    }
    const active = this.#loaded;
    const waiting = new Set<string>();
    let maxActive = this.#capacity;
    for (const { start, end } of this.#newest.values()) {
      if (!cursor.read(start, end)) continue;
      addNames(active, cursor.label('running_lora_adapters'));
      addNames(waiting, cursor.label('waiting_lora_adapters'));
      maxActive = larger(maxActive, parseNumber(cursor.label('max_lora')) ?? Number.NaN);
    }
    return { active, waiting, maxActive };
  }

  #takeInfo(sample: Sample, { labels }: MetricSpec, per: readonly string[]): void {
    this.#cursor = sample;
    const { value, start, end } = sample;
    const engine = engineKey(per, sample);
    const known = this.#newest.get(engine);
    if (Number.isNaN(value) || (known !== undefined && value <= known.value)) return;
    const mark = { value, start, end };
    this.#newest.set(engine, mark);
    // All series of a family have the same labels.
    if (labels.length === 0 && per.every((label) => sample.label(label) === '')) this.#only = mark;
  }

  #glanceAtInfo(page: Buffer, start: number, end: number): boolean {
    if (this.#only === undefined) return false;
    const value = valueAtEnd(page, start, end);
    if (Number.isNaN(value)) return false;
    if (value > this.#only.value) {
      this.#only.value = value;
      this.#only.start = start;
      this.#only.end = end;
    }
    return true;
  }

  #takeLoaded(sample: Sample): void {
    this.#cursor = sample;
    if (sample.value > 0) addName(this.#loaded, sample.label('adapter_name'));
  }
}

/** Whether two pages say the same; both may say nothing. */
export function sameLora(a: LoraInfo | undefined, b: LoraInfo | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Object.is(a.maxActive, b.maxActive) && sameNames(a.active, b.active) && sameNames(a.waiting, b.waiting);
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}

function addNames(names: Set<string>, list: string): void {
  for (const name of list.split(',', MAX_ADAPTERS)) addName(names, name.trim());
}

function addName(names: Set<string>, name: string): void {
  if (name !== '' && name.length <= MAX_NAME && names.size < MAX_ADAPTERS) names.add(name);
}

/** The larger of two numbers that may be unknown. */
function larger(a: number, b: number): number {
  return Number.isNaN(a) || b > a ? b : a;
}
