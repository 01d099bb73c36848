import * as v from 'valibot';
import { dataKey } from '../../core/data.ts';
import type { Endpoint, EndpointView } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { FAR_APART, HOST_LABEL, type Topology, TOPOLOGY, ZONE_LABEL } from '../../core/topology.ts';
import { MAX_ENDPOINTS } from '../../datastore/columns.ts';

const label = (level: string, standard: string) =>
  v.pipe(
    v.optional(v.pipe(v.string(), v.description(`Label of an endpoint that names its ${level}.`)), standard),
    v.transform((key) => key || standard),
  );

/**
 * Tells which endpoints are on one host, in one rack, zone or region, by their labels (contract 3.6). An endpoint from
 * Kubernetes always has the default host label: discovery fills in the machine of its pod. Needs no source.
 */
export const topologyExtractor = definePlugin({
  kind: 'extractor',
  type: 'topology-extractor',
  stability: 'alpha',
  summary: 'Tells by their labels which endpoints are near one another.',
  config: v.strictObject({
    hostname: label('host', HOST_LABEL),
    rack: label('rack', 'topology.kubernetes.io/rack'),
    zone: label('zone', ZONE_LABEL),
    region: label('region', 'topology.kubernetes.io/region'),
  }),
  payload: 'endpoint-events',
  produces: (_config, name) => [dataKey(TOPOLOGY, name)],
  create({ hostname, rack, zone, region }, context) {
    const topology = new LabelTopology(context.endpoints, [hostname, rack, zone, region]);
    context.share(dataKey(TOPOLOGY, context.name), topology);
    return topology;
  },
});

/** A place, and how many endpoints are known to be there. */
interface Place {
  readonly name: string;
  readonly number: number;
  endpoints: number;
}

/**
 * Places as numbers by slot, so that comparing two endpoints reads no text. The labels of an endpoint are read when it
 * is first asked about; a place is forgotten with its last endpoint.
 */
class LabelTopology implements Topology {
  readonly #endpoints: EndpointView;
  readonly #labels: readonly string[];
  /** Numbers of the slot's places, one per level; 0 where unknown. */
  readonly #numbers: Uint32Array;
  /** Generation of the tenant the numbers are about, 0 for nobody. */
  readonly #tenants = new Uint32Array(MAX_ENDPOINTS);
  readonly #placesOf: (readonly (Place | undefined)[])[] = [];
  readonly #places: readonly Map<string, Place>[];
  #lastNumber = 0;

  constructor(endpoints: EndpointView, labels: readonly string[]) {
    this.#endpoints = endpoints;
    this.#labels = labels;
    this.#numbers = new Uint32Array(MAX_ENDPOINTS * labels.length);
    this.#places = labels.map(() => new Map());
  }

  nearest(slot: number, other: number): number {
    this.#know(slot);
    this.#know(other);
    const numbers = this.#numbers;
    const levels = this.#labels.length;
    for (let level = 0; level < levels; level++) {
      const number = numbers[slot * levels + level];
      if (number !== 0 && number === numbers[other * levels + level]) return level;
    }
    return FAR_APART;
  }

  onEndpointRemoved(slot: number): void {
    if (this.#tenants[slot] === 0) return;
    this.#tenants[slot] = 0;
    for (const [level, place] of this.#placesOf[slot].entries()) {
      if (place !== undefined && --place.endpoints === 0) this.#places[level].delete(place.name);
    }
    this.#placesOf[slot] = [];
    this.#numbers.fill(0, slot * this.#labels.length, (slot + 1) * this.#labels.length);
  }

  #know(slot: number): void {
    const endpoint = this.#endpoints.at(slot);
    if ((endpoint?.generation ?? 0) !== this.#tenants[slot]) this.#learn(slot, endpoint);
  }

  /** Apart from `#know`, which every look goes through: what a closure captures is made anew with each call. */
  #learn(slot: number, endpoint: Endpoint | undefined): void {
    this.onEndpointRemoved(slot);
    if (endpoint === undefined) return;
    this.#tenants[slot] = endpoint.generation;
    this.#placesOf[slot] = this.#labels.map((key, level) => {
      const place = this.#enter(level, endpoint.labels[key] ?? '');
      this.#numbers[slot * this.#labels.length + level] = place?.number ?? 0;
      return place;
    });
  }

  #enter(level: number, name: string): Place | undefined {
    if (name === '') return undefined;
    const known = this.#places[level].get(name);
    const place = known ?? { name, number: ++this.#lastNumber, endpoints: 0 };
    if (known === undefined) this.#places[level].set(name, place);
    place.endpoints++;
    return place;
  }
}
