import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** Lowest priority first, of equals the one dispatched last. Checked only: there are no queues yet. */
export const priorityThenTimeEvictionOrderPolicy = definePlugin({
  kind: 'eviction-policy',
  type: 'priority-then-time-eviction-order-policy',
  stability: 'alpha',
  summary: 'Evicts the lowest priority first, then the latest dispatch. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
