import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { dataKey, PEER_ENDPOINT } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';
import { TOPOLOGY } from '../../core/topology.ts';

/** By `TOPOLOGY_LEVELS`, and of endpoints that are far apart. */
const WORTH = Float64Array.of(1, 0.2, 0.05, 0.02, 0);

/**
 * Prefers endpoints near the one picked by the stage before: 1 on its host, 0.2 in its rack, 0.05 in its zone, 0.02 in
 * its region, else 0, and 0 for all without such an endpoint. A place that is unknown is nobody's. Source: contract 3.4.
 */
export const topologyAffinityScorer = definePlugin({
  kind: 'scorer',
  type: 'topology-affinity-scorer',
  stability: 'alpha',
  summary: 'Prefers endpoints near the one that the stage before picked.',
  config: v.strictObject({ topologyProducerName: producerName('which endpoints are near one another') }),
  reads: () => [dataKey(PEER_ENDPOINT)],
  consumes: ({ topologyProducerName }) => [dataKey(TOPOLOGY, topologyProducerName)],
  create({ topologyProducerName }, context) {
    const peerOf = context.read(dataKey(PEER_ENDPOINT));
    const topology = context.shared(dataKey(TOPOLOGY, topologyProducerName));
    return {
      score(request, candidates, out) {
        const peer = peerOf(request);
        if (peer === undefined) out.fill(0, 0, candidates.length);
        else for (let i = 0; i < candidates.length; i++) out[i] = WORTH[topology.nearest(candidates[i], peer)];
      },
    };
  },
});
