import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

const notNegative = v.pipe(
  v.number(),
  v.check((value) => value >= 0, 'must not be negative'),
);

const parameters = v.strictObject({
  strategy: v.optional(
    v.pipe(v.literal('las', 'must be las'), v.description('How flows are weighed: least attained service.')),
    'las',
  ),
  evictionTtlSeconds: v.optional(
    v.pipe(notNegative, v.description('How long a flow without requests is remembered; 0 is for ever.')),
    3600,
  ),
  evictionSweepSeconds: v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value > 0, 'must be more than 0'),
      v.description('How often flows are looked over for that.'),
    ),
    300,
  ),
  lasWeightService: v.optional(v.pipe(notNegative, v.description('Weight of the service a flow has had.')), 0.8),
  lasWeightHeadWait: v.optional(
    v.pipe(notNegative, v.description('Weight of how long the first request of a flow has waited.')),
    0.2,
  ),
  lasHalfLifeSeconds: v.optional(
    v.pipe(notNegative, v.description('Time in which the service a flow has had counts half; 0 is for ever.')),
    60,
  ),
});

/** The flow that has had the least service, tempered by how long it waits. Checked only: there are no queues yet. */
export const programAwareFairness = definePlugin({
  kind: 'fairness-policy',
  type: 'program-aware-fairness',
  stability: 'beta',
  summary: 'Prefers flows that have had little service of late. Without effect yet.',
  config: parameters,
  create: () => ({}),
});
