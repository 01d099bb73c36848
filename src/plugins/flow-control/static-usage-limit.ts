import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** One ceiling of saturation for every priority. Checked only: there are no queues yet. */
export const staticUsageLimitPolicy = definePlugin({
  kind: 'usage-limit-policy',
  type: 'static-usage-limit-policy',
  stability: 'beta',
  summary: 'Stops dispatching at the same saturation for every priority. Without effect yet.',
  config: v.strictObject({
    threshold: v.optional(v.pipe(v.number(), v.description('Saturation from which nothing is dispatched.')), 1),
  }),
  create: () => ({}),
});
