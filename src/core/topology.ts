import type { DataType } from './data.ts';

/** Levels on which endpoints can be in one place, the nearest first. */
export const TOPOLOGY_LEVELS = ['host', 'rack', 'zone', 'region'] as const;

/** Label that names the machine of an endpoint; discovery in Kubernetes fills it in. */
export const HOST_LABEL = 'kubernetes.io/hostname';
/** Label that names its zone. */
export const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** What `Topology.nearest` says of endpoints that share no place. */
export const FAR_APART: number = TOPOLOGY_LEVELS.length;

/** Which endpoints are near one another. */
export interface Topology {
  /**
   * Place in `TOPOLOGY_LEVELS` of the nearest level on which the endpoints in two slots are in one place. An unknown
   * place is nobody's, not even its own endpoint's.
   */
  nearest(slot: number, other: number): number;
}

export const TOPOLOGY: DataType<Topology> = { name: 'Topology', defaultProducer: 'topology-extractor' };
