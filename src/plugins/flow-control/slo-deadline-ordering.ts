import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** By the time a request came plus the milliseconds of `x-llm-d-slo-ttft-ms`; those without it are last. Checked only: there are no queues yet. */
export const sloDeadlineOrderingPolicy = definePlugin({
  kind: 'ordering-policy',
  type: 'slo-deadline-ordering-policy',
  stability: 'beta',
  summary: 'Earliest deadline first, by the SLO header of a request. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
