import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { type DataKey, dataKey, inflightLoadKey, UNCACHED_TOKENS, type UncachedTokens } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';

/** 128 requests of 32,768 tokens. */
const DEFAULT_THRESHOLD = 4_194_304;

const parameters = v.strictObject({
  queueThresholdTokens: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.transform((value) => (value > 0 ? value : DEFAULT_THRESHOLD)),
      v.description('Tokens in flight that score 0; 0 and less mean the default.'),
    ),
    DEFAULT_THRESHOLD,
  ),
  inFlightLoadProducerName: producerName('tokens in flight'),
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Prefers endpoints with fewer tokens to work on: 1 - min(tokens in flight + tokens of this request that are not cached
 * there, threshold) / threshold. Source: contract 3.4.
 */
export const tokenLoadScorer = definePlugin({
  kind: 'scorer',
  type: 'token-load-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with fewer tokens in flight, this request included.',
  config: parameters,
  consumes: (config) => [inflightLoadKey(config), uncachedKey(config)],
  create(config, context) {
    const load = context.shared(inflightLoadKey(config));
    const uncachedOf = context.read(uncachedKey(config));
    const { queueThresholdTokens: threshold } = config;
    return {
      score(request, candidates, out) {
        const { tokensBySlot } = load;
        const uncached = uncachedOf(request);
        for (let i = 0; i < candidates.length; i++) {
          const slot = candidates[i];
          const tokens = tokensBySlot[slot] + (uncached === undefined ? 0 : uncached.at(slot));
          out[i] = 1 - Math.min(Math.max(tokens, 0), threshold) / threshold;
        }
      },
    };
  },
});

function uncachedKey({ inFlightLoadProducerName }: Parameters): DataKey<UncachedTokens> {
  return dataKey(UNCACHED_TOKENS, inFlightLoadProducerName);
}
