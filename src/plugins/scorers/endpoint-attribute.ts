import * as v from 'valibot';
import { attributeName, attributeProducer, NAME_THE_PRODUCER, namesOneThing } from '../../config/parameters.ts';
import { attributeKey } from '../../core/endpoint-facts.ts';
import type { Scorer } from '../../core/kinds.ts';
import { definePlugin } from '../../core/plugin.ts';
import { leastLoad } from './least-load.ts';

/** What an endpoint scores whose attribute is unknown. */
const UNKNOWN = 0.5;

const bound = (which: string) =>
  v.optional(
    v.pipe(v.number(), v.finite('must be finite'), v.description(`The ${which} value that is told apart.`)),
    0,
  );

const fixedRange = v.pipe(
  v.strictObject({ min: bound('least'), max: bound('greatest') }),
  v.check(({ min, max }) => min < max, 'must have a min that is less than max'),
  v.description('Scores values by their place in this range.'),
);

const normalization = v.pipe(
  v.strictObject({
    fixedRange: v.optional(fixedRange),
    adaptiveRange: v.optional(
      v.pipe(v.strictObject({}), v.description('Scores values by their place among those of the candidates.')),
    ),
  }),
  v.check(
    (ways) => ways.fixedRange === undefined || ways.adaptiveRange === undefined,
    'must have at most one of fixedRange and adaptiveRange',
  ),
  v.description('What the worst and the best value are; adaptiveRange when left out.'),
);

const TYPES = ['linear_lower_is_better', 'linear_higher_is_better'] as const;

const parameters = v.pipe(
  v.strictObject({
    attributeKey: attributeName,
    producer: attributeProducer,
    algorithm: v.strictObject({
      type: v.pipe(
        v.picklist(TYPES, `must be ${TYPES.join(' or ')}`),
        v.description('Whether a low or a high value is the better one.'),
      ),
      normalization: v.optional(normalization, {}),
    }),
  }),
  v.forward(
    v.check(({ attributeKey: name, producer }) => namesOneThing(name, producer), NAME_THE_PRODUCER),
    ['attributeKey'],
  ),
);

/**
 * Scores by a number about endpoints, higher being better: (value - min) / (max - min), clamped to 0..1, between the
 * bounds of `fixedRange` or, without it, the least and greatest value of the candidates, 1 for all when these are
 * equal; 1 minus that where lower is better. An unknown value scores 0.5 and takes no part in the range. Source:
 * contract 3.4.
 */
export const endpointAttributeScorer = definePlugin({
  kind: 'scorer',
  type: 'endpoint-attribute-scorer',
  stability: 'alpha',
  summary: 'Prefers endpoints of which a number, such as a custom metric, is low, or high.',
  config: parameters,
  reads: (config) => [attributeKey(config.attributeKey, config.producer)],
  create({ attributeKey: name, producer, algorithm }, { endpoints }): Scorer {
    const column = (): Float64Array | undefined => endpoints.attribute(name, producer);
    const lowerIsBetter = algorithm.type === 'linear_lower_is_better';
    const range = algorithm.normalization.fixedRange;
    if (range !== undefined)
      return lowerIsBetter ? between(column, range.max, range.min) : between(column, range.min, range.max);
    const sign = lowerIsBetter ? 1 : -1;
    return leastLoad((candidates, out) => {
      const values = column();
      if (values === undefined) out.fill(Number.NaN, 0, candidates.length);
      else for (let i = 0; i < candidates.length; i++) out[i] = sign * values[candidates[i]];
    });
  },
});

/** Scores 0 at `worst`, 1 at `best` and in a straight line between. */
function between(column: () => Float64Array | undefined, worst: number, best: number): Scorer {
  return {
    score(_request, candidates, out) {
      const values = column();
      if (values === undefined) {
        out.fill(UNKNOWN, 0, candidates.length);
        return;
      }
      for (let i = 0; i < candidates.length; i++) {
        const share = (values[candidates[i]] - worst) / (best - worst);
        if (Number.isNaN(share)) out[i] = UNKNOWN;
        else out[i] = Math.min(1, Math.max(0, share));
      }
    },
  };
}
