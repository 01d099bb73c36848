import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** By the time a request was queued. Checked only: there are no queues yet. */
export const fcfsOrderingPolicy = definePlugin({
  kind: 'ordering-policy',
  type: 'fcfs-ordering-policy',
  stability: 'beta',
  summary: 'First come, first served. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
