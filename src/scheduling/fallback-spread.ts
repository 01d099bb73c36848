import { type Candidates, type Endpoint, type EndpointView, labelOf } from '../core/endpoint.ts';
import { HOST_LABEL, ZONE_LABEL } from '../core/topology.ts';

/** A fallback on another host is looked for among so many times as many endpoints as are named, best first. */
const HOST_REACH = 4;
/** One in another zone as well, among so many times as many: a zone fails less often, and far down is slow. */
const ZONE_REACH = 2;
/** What a place in common with an endpoint named before counts. */
const SHARED_ZONE = 1;
const SHARED_HOST = 2;

/**
 * Sees to it that what takes the first endpoint down leaves its fallbacks. The first stays; each further one is, of the
 * best 4n where n are named, the best on a host that none named before is on, in another zone where one of the best 2n
 * is, else the best there is. The host is the label `kubernetes.io/hostname` or, without it, the address; the zone is
 * `topology.kubernetes.io/zone`, and an unknown one is nobody's.
 *
 * Places are read when the pool has changed. In a pool where no two endpoints share one, or all share the same,
 * nothing is ranked beyond what is named.
 */
export class FallbackSpread {
  readonly #endpoints: EndpointView;
  /** The membership that is known. */
  #all: Candidates | undefined;
  /** Numbers of places by slot; 0 is unknown. */
  #hosts = new Uint32Array(0);
  #zones = new Uint32Array(0);
  #matters = false;

  constructor(endpoints: EndpointView) {
    this.#endpoints = endpoints;
  }

  /** How many endpoints to rank for `named` to be chosen from. */
  reach(named: number): number {
    if (this.#all !== this.#endpoints.all) this.#learn();
    return this.#matters && named > 1 ? named * HOST_REACH : named;
  }

  /** The `named` endpoints of a ranking, best first. May edit the ranking. */
  choose(ranked: Candidates, named: number): Candidates {
    if (!this.#matters) return ranked;
    for (let place = 1; place < Math.min(named, ranked.length); place++) {
      moveUp(ranked, this.#apart(ranked, place, named * ZONE_REACH), place);
    }
    return ranked.subarray(0, named);
  }

  /** Rank of the endpoint that shares least with those before `place`, the best of several. */
  #apart(ranked: Candidates, place: number, zoneReach: number): number {
    let best = place;
    let least = Number.POSITIVE_INFINITY;
    for (let rank = place; rank < ranked.length && least > 0; rank++) {
      const shared = Math.max(this.#shared(ranked, rank, place), rank < zoneReach ? 0 : SHARED_ZONE);
      if (shared >= least) continue;
      best = rank;
      least = shared;
    }
    return best;
  }

  #shared(ranked: Candidates, rank: number, place: number): number {
    const hosts = this.#hosts;
    const zones = this.#zones;
    const slot = ranked[rank];
    let shared = 0;
    for (let before = 0; before < place; before++) {
      const other = ranked[before];
      if (hosts[slot] === hosts[other]) return SHARED_HOST;
      if (zones[slot] !== 0 && zones[slot] === zones[other]) shared = SHARED_ZONE;
    }
    return shared;
  }

  #learn(): void {
    const { all } = this.#endpoints;
    const slots = (all.at(-1) ?? -1) + 1;
    const tenants = Array.from(all, (slot) => this.#endpoints.at(slot) as Endpoint);
    this.#hosts = new Uint32Array(slots);
    this.#zones = new Uint32Array(slots);
    const hosts = number(tenants, this.#hosts, (endpoint) => labelOf(endpoint, HOST_LABEL) || endpoint.address);
    const zones = number(tenants, this.#zones, (endpoint) => labelOf(endpoint, ZONE_LABEL));
    this.#matters = (hosts > 1 && hosts < all.length) || zones > 1;
    this.#all = all;
  }
}

/** Numbers the places of endpoints from 1 up, into `numbers` by slot; returns how many places there are. */
function number(
  tenants: readonly Endpoint[],
  numbers: Uint32Array,
  placeOf: (endpoint: Endpoint) => string | undefined,
): number {
  const known = new Map<string, number>();
  for (const endpoint of tenants) {
    const place = placeOf(endpoint) ?? '';
    if (place === '') continue;
    const at = known.get(place) ?? known.size + 1;
    known.set(place, at);
    numbers[endpoint.slot] = at;
  }
  return known.size;
}

/** Moves the entry at `from` up to `to`; those between go down by one. */
function moveUp(ranked: Candidates, from: number, to: number): void {
  const slot = ranked[from];
  for (let rank = from; rank > to; rank--) ranked[rank] = ranked[rank - 1];
  ranked[to] = slot;
}
