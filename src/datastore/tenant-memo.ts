import type { Endpoint, EndpointView } from '../core/endpoint.ts';

/**
 * What follows from an endpoint's labels and address, worked out when it is first asked for and kept while the endpoint
 * has its slot: both are immutable for a tenant, so a request costs an array access an endpoint.
 */
export class TenantMemo<T> {
  readonly #endpoints: EndpointView;
  readonly #factOf: (endpoint: Endpoint) => T;
  readonly #facts: (T | undefined)[] = [];
  /** Whom the fact of a slot is about; 0 for nobody. */
  #generations = new Uint32Array(64);

  constructor(endpoints: EndpointView, factOf: (endpoint: Endpoint) => T) {
    this.#endpoints = endpoints;
    this.#factOf = factOf;
  }

  /** The fact about the slot's tenant; undefined when the slot is empty. */
  at(slot: number): T | undefined {
    const endpoint = this.#endpoints.at(slot);
    if (endpoint === undefined) return undefined;
    if (endpoint.generation !== this.#generations[slot]) this.#learn(endpoint);
    return this.#facts[slot];
  }

  /** To be called when a slot was vacated. */
  forget(slot: number): void {
    if (slot >= this.#generations.length) return;
    this.#generations[slot] = 0;
    this.#facts[slot] = undefined;
  }

  #learn(endpoint: Endpoint): void {
    const { slot, generation } = endpoint;
    if (slot >= this.#generations.length) {
      const grown = new Uint32Array(2 * (slot + 1));
      grown.set(this.#generations);
      this.#generations = grown;
    }
    this.#facts[slot] = this.#factOf(endpoint);
    this.#generations[slot] = generation;
  }
}
