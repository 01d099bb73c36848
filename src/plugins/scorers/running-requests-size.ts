import * as v from 'valibot';
import { RUNNING_REQUESTS_SIZE } from '../../core/endpoint-facts.ts';
import { definePlugin } from '../../core/plugin.ts';
import { leastLoad } from './least-load.ts';

/**
 * Prefers small batches: (maxR - r) / (maxR - minR) of requests expected to run, 1 for all when equal. Source: contract
 * 3.4.
 */
export const runningRequestsSizeScorer = definePlugin({
  kind: 'scorer',
  type: 'running-requests-size-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with fewer running requests.',
  config: v.strictObject({}),
  reads: () => [RUNNING_REQUESTS_SIZE],
  create: (_config, { endpoints }) => leastLoad((candidates, out) => endpoints.readRunning(candidates, out)),
});
