import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { countAt, prefixMatchKey } from '../../core/data.ts';
import type { Scorer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';

const parameters = v.pipe(
  v.strictObject({
    prefixMatchInfoProducerName: producerName('prefix matches'),
    matchLengthWeight: v.optional(
      v.pipe(
        v.number(),
        v.minValue(0, 'must be between 0 and 1'),
        v.maxValue(1, 'must be between 0 and 1'),
        v.description('Weight of the matched length; the matched share of the prompt has the rest.'),
      ),
      0,
    ),
    matchLengthScaleTokens: v.optional(
      v.pipe(v.number(), v.integer(), v.description('Matched tokens that count as a full length score.')),
      8192,
    ),
  }),
  v.forward(
    v.check(
      ({ matchLengthWeight, matchLengthScaleTokens }) => matchLengthWeight === 0 || matchLengthScaleTokens > 0,
      'must be above 0 when matchLengthWeight is',
    ),
    ['matchLengthScaleTokens'],
  ),
);

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Prefers endpoints that have the prompt's beginning cached: w * min(1, matched tokens / scale)^2 + (1 - w) * matched
 * share. The square stands for attention over a prefix, which costs the square of its length. Source: contract 3.4.
 */
export const prefixCacheScorer = definePlugin({
  kind: 'scorer',
  type: 'prefix-cache-scorer',
  stability: 'beta',
  summary: "Prefers endpoints that have more of the prompt's beginning cached.",
  config: parameters,
  consumes: (config) => [prefixMatchKey(config)],
  create: (config, context) => createScorer(config, context),
});

function createScorer(config: Parameters, context: PluginContext): Scorer {
  const matchOf = context.read(prefixMatchKey(config));
  const weight = config.matchLengthWeight;
  return {
    score(request, candidates, out) {
      const match = matchOf(request);
      if (match === undefined || match.totalBlocks === 0) {
        out.fill(0, 0, candidates.length);
        return;
      }
      const { blocksBySlot, totalBlocks, blockTokens } = match;
      const perToken = weight === 0 ? 0 : blockTokens / config.matchLengthScaleTokens;
      for (let i = 0; i < candidates.length; i++) {
        const blocks = countAt(blocksBySlot, candidates[i]);
        const length = Math.min(1, blocks * perToken);
        out[i] = weight * length * length + (1 - weight) * (blocks / totalBlocks);
      }
    },
  };
}
