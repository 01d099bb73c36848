import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { dataKey, PEER_ENDPOINT } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';
import { TOPOLOGY, TOPOLOGY_LEVELS } from '../../core/topology.ts';
import { narrow } from '../../scheduling/narrow.ts';

const parameters = v.strictObject({
  minAffinity: v.optional(
    v.pipe(
      v.picklist([...TOPOLOGY_LEVELS, ''], `must be one of ${TOPOLOGY_LEVELS.join(', ')}`),
      v.transform((level) => level || 'host'),
      v.description('The farthest that an endpoint may be: in the same host, rack, zone or region; empty means host.'),
    ),
    'host',
  ),
  topologyProducerName: producerName('which endpoints are near one another'),
});

/**
 * Keeps endpoints that share at least the level with the endpoint picked by the stage before. Nearness is a wish: with
 * no such endpoint, a place of it that is unknown, or nobody near, everybody is kept. Source: contract 3.3.
 */
export const topologyAffinityFilter = definePlugin({
  kind: 'filter',
  type: 'topology-affinity-filter',
  stability: 'alpha',
  summary: 'Keeps endpoints near the one that the stage before picked, where there are any.',
  config: parameters,
  reads: () => [dataKey(PEER_ENDPOINT)],
  consumes: ({ topologyProducerName }) => [dataKey(TOPOLOGY, topologyProducerName)],
  create({ minAffinity, topologyProducerName }, context) {
    const peerOf = context.read(dataKey(PEER_ENDPOINT));
    const topology = context.shared(dataKey(TOPOLOGY, topologyProducerName));
    const farthest = TOPOLOGY_LEVELS.indexOf(minAffinity);
    return {
      filter(request, candidates) {
        const peer = peerOf(request);
        if (peer === undefined) return candidates;
        const near = narrow(candidates, (slot) => topology.nearest(slot, peer) <= farthest);
        return near.length === 0 ? candidates : near;
      },
    };
  },
});
