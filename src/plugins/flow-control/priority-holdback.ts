import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

const parameters = v.pipe(
  v.strictObject({
    shape: v.optional(
      v.pipe(v.literal('linear', 'must be linear'), v.description('How ceilings lie between the two ends.')),
      'linear',
    ),
    domain: v.optional(
      v.pipe(
        v.picklist(['rank', 'value'], 'must be rank or value'),
        v.description('Whether the order of priorities counts, or how far apart they are.'),
      ),
      'rank',
    ),
    minCeiling: v.pipe(
      v.number(),
      v.check((ceiling) => ceiling >= 0 && ceiling < 1, 'must be at least 0 and less than 1'),
      v.description('Saturation from which the lowest priority is held back.'),
    ),
    maxCeiling: v.optional(
      v.pipe(
        v.number(),
        v.check((ceiling) => ceiling > 0 && ceiling <= 1, 'must be more than 0 and at most 1'),
        v.description('Saturation from which the highest priority is held back.'),
      ),
      1,
    ),
  }),
  v.forward(
    v.check(({ minCeiling, maxCeiling }) => minCeiling < maxCeiling, 'must be less than maxCeiling'),
    ['minCeiling'],
  ),
);

/** Spreads ceilings of saturation between the lowest and the highest priority. Checked only: there are no queues yet. */
export const priorityHoldbackPolicy = definePlugin({
  kind: 'usage-limit-policy',
  type: 'priority-holdback-policy',
  stability: 'alpha',
  summary: 'Holds lower priorities back at lower saturation. Without effect yet.',
  config: parameters,
  create: () => ({}),
});
