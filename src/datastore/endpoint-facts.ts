import type { LoraInfo } from '../core/endpoint.ts';

/** Names an endpoint across threads and over time: its slot, and which of the slot's tenants is meant. */
export interface EndpointRef {
  readonly slot: number;
  readonly generation: number;
}

/** One thing a server tells of itself in words, for which columns have no place; undefined when it no longer does. */
export type EndpointFact = EndpointRef &
  (
    | { readonly about: 'lora'; readonly value: LoraInfo | undefined }
    | { readonly about: 'models'; readonly value: ReadonlySet<string> | undefined }
  );

/** The newest fact of each kind about each endpoint. */
export class FactBook {
  readonly #generation: Uint32Array;
  readonly #lora: (LoraInfo | undefined)[] = [];
  readonly #models: (ReadonlySet<string> | undefined)[] = [];

  /** `generation` by slot, as the table keeps it. */
  constructor(generation: Uint32Array) {
    this.#generation = generation;
  }

  lora(slot: number): LoraInfo | undefined {
    return this.#lora[slot];
  }

  models(slot: number): ReadonlySet<string> | undefined {
    return this.#models[slot];
  }

  /** Takes a fact, unless it is about an endpoint that has left its slot. */
  learn(fact: EndpointFact): void {
    const { slot, generation, about, value } = fact;
    if (this.#generation[slot] !== generation) return;
    if (about === 'lora') this.#lora[slot] = value;
    else this.#models[slot] = value;
  }

  /** Forgets everything about a slot. */
  forget(slot: number): void {
    this.#lora[slot] = undefined;
    this.#models[slot] = undefined;
  }

  /** Forgets one kind of fact about everybody: it will be told anew. */
  forgetAll(about: EndpointFact['about']): void {
    (about === 'lora' ? this.#lora : this.#models).length = 0;
  }
}
