import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** By the time a request was queued plus its TTL; those without one are last. Checked only: there are no queues yet. */
export const edfOrderingPolicy = definePlugin({
  kind: 'ordering-policy',
  type: 'edf-ordering-policy',
  stability: 'beta',
  summary: 'Earliest deadline first, by the TTL of a request. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
