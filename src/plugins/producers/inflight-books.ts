import type { InflightLoad } from '../../core/data.ts';
import type { Endpoint, EndpointView } from '../../core/endpoint.ts';
import { MAX_ENDPOINTS } from '../../datastore/columns.ts';

/** One request at one endpoint. */
export interface InflightEntry {
  /** Where it is; undefined once it has left. */
  endpoint: Endpoint | undefined;
  tokens: number;
}

/**
 * Requests and tokens in flight by slot. Every entry knows which tenant of the slot it was made for, so one that leaves
 * late, after its endpoint has gone, takes nothing from the next.
 */
export class InflightBooks implements InflightLoad {
  readonly requestsBySlot = new Float64Array(MAX_ENDPOINTS);
  readonly tokensBySlot = new Float64Array(MAX_ENDPOINTS);
  readonly #endpoints: EndpointView;

  constructor(endpoints: EndpointView) {
    this.#endpoints = endpoints;
  }

  /** Enters a request at an endpoint of the pool. */
  enter(endpoint: Endpoint, tokens: number): InflightEntry {
    this.#count(endpoint, 1, tokens);
    return { endpoint, tokens };
  }

  /** The request is at another endpoint than was thought. */
  move(entry: InflightEntry, to: Endpoint): void {
    const { endpoint, tokens } = entry;
    if (endpoint === undefined || endpoint === to) return;
    this.#count(endpoint, -1, -tokens);
    this.#count(to, 1, tokens);
    entry.endpoint = to;
  }

  /** Its tokens are worked off, but it is still there. */
  dropTokens(entry: InflightEntry): void {
    if (entry.endpoint !== undefined) this.#count(entry.endpoint, 0, -entry.tokens);
    entry.tokens = 0;
  }

  /** It has left; a second time does nothing. */
  leave(entry: InflightEntry): void {
    if (entry.endpoint !== undefined) this.#count(entry.endpoint, -1, -entry.tokens);
    entry.endpoint = undefined;
    entry.tokens = 0;
  }

  /** The tenant of the slot has left, and all it was sent with it. */
  clear(slot: number): void {
    this.requestsBySlot[slot] = 0;
    this.tokensBySlot[slot] = 0;
  }

  isCurrent(endpoint: Endpoint): boolean {
    return this.#endpoints.at(endpoint.slot) === endpoint;
  }

  #count(endpoint: Endpoint, requests: number, tokens: number): void {
    if (!this.isCurrent(endpoint)) return;
    this.requestsBySlot[endpoint.slot] += requests;
    this.tokensBySlot[endpoint.slot] += tokens;
  }
}
