import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** Over all flows of a band, the request its ordering policy puts first. Checked only: there are no queues yet. */
export const globalStrictFairnessPolicy = definePlugin({
  kind: 'fairness-policy',
  type: 'global-strict-fairness-policy',
  stability: 'beta',
  summary: 'Ignores flows: the best request of a band by its ordering policy is next. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
