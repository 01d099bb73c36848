import * as v from 'valibot';
import { WAITING_QUEUE_SIZE } from '../../core/endpoint-facts.ts';
import { definePlugin } from '../../core/plugin.ts';
import { leastLoad } from './least-load.ts';

/**
 * Prefers short queues: (maxQ - q) / (maxQ - minQ) of requests expected to wait, 1 for all when equal. Source: contract
 * 3.4.
 */
export const queueScorer = definePlugin({
  kind: 'scorer',
  type: 'queue-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with fewer waiting requests.',
  config: v.strictObject({}),
  reads: () => [WAITING_QUEUE_SIZE],
  create: (_config, { endpoints }) => leastLoad((candidates, out) => endpoints.readWaiting(candidates, out)),
});
