import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** Flows of a band in turn, empty ones skipped. Checked only: there are no queues yet. */
export const roundRobinFairnessPolicy = definePlugin({
  kind: 'fairness-policy',
  type: 'round-robin-fairness-policy',
  stability: 'beta',
  summary: 'Flows of a band take turns. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
