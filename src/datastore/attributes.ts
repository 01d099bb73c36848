import { CORE_METRICS, KV_CACHE_USAGE, RUNNING_REQUESTS_SIZE, WAITING_QUEUE_SIZE } from '../core/endpoint-facts.ts';
import type { EndpointSignals } from '../core/endpoint.ts';
import { ConfigError } from '../core/errors.ts';
import { MAX_ENDPOINTS } from './columns.ts';

/** Attributes at once; each takes 128 kB. Room for the attributes of two configurations while one replaces the other. */
export const MAX_ATTRIBUTES = 128;

interface Attribute {
  readonly key: string;
  readonly producer: string;
  readonly memory: SharedArrayBuffer;
  readonly column: Float64Array;
  holders: number;
}

/**
 * Numbers about endpoints that a configuration names. Unlike the signals they come and go, so each has a column and
 * shared memory of its own, which lives as long as somebody holds it.
 */
export class Attributes {
  readonly #builtIn: ReadonlyMap<string, Float64Array>;
  readonly #held: Attribute[] = [];

  constructor({ waiting, running, kvUsage }: EndpointSignals) {
    this.#builtIn = new Map([
      [WAITING_QUEUE_SIZE.type.name, waiting],
      [RUNNING_REQUESTS_SIZE.type.name, running],
      [KV_CACHE_USAGE.type.name, kvUsage],
    ]);
  }

  /** The column of `key` by `producer`, an empty one meaning anybody; a held one before a built-in of the same name. */
  find(key: string, producer: string): Float64Array | undefined {
    for (const held of this.#held) {
      if (held.key === key && (producer === '' || held.producer === producer)) return held.column;
    }
    return producer === '' || producer === CORE_METRICS ? this.#builtIn.get(key) : undefined;
  }

  /**
   * Memory of the column for a producer to fill, all unknown unless somebody else holds it too. Every `hold` needs its
   * `release`. Throws `ConfigError` when there are too many.
   */
  hold(key: string, producer: string): SharedArrayBuffer {
    const known = this.#held.find((held) => held.key === key && held.producer === producer);
    if (known !== undefined) {
      known.holders++;
      return known.memory;
    }
    if (this.#held.length === MAX_ATTRIBUTES) {
      throw new ConfigError(`no room for attribute "${key}": ${MAX_ATTRIBUTES} are in use`);
    }
    const memory = new SharedArrayBuffer(MAX_ENDPOINTS * Float64Array.BYTES_PER_ELEMENT);
    const column = new Float64Array(memory).fill(Number.NaN);
    this.#held.push({ key, producer, memory, column, holders: 1 });
    return memory;
  }

  /** Lets go of what `hold` gave; the last one to do so ends the attribute. */
  release(key: string, producer: string): void {
    const at = this.#held.findIndex((held) => held.key === key && held.producer === producer);
    if (at !== -1 && --this.#held[at].holders === 0) this.#held.splice(at, 1);
  }

  /** Makes everything about a slot unknown. */
  forget(slot: number): void {
    for (const { column } of this.#held) column[slot] = Number.NaN;
  }
}
