import * as v from 'valibot';
import { type DataKey, dataKey, openKey, PREFIX_MATCH, type PrefixMatch, TOKENIZED_PROMPT } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';

const tokens = v.pipe(v.number(), v.integer(), v.minValue(0, 'must not be negative'));

const parameters = v.strictObject({
  nonCachedTokens: v.optional(
    v.pipe(tokens, v.description('Tokens a decode server would have to compute from which a prefill server does it.')),
    0,
  ),
  promptTokens: v.optional(
    v.pipe(tokens, v.description('Tokens of the whole prompt below which a prefill server never does it.')),
    0,
  ),
  prefixMatchInfoProducerName: v.optional(
    v.pipe(
      v.string(),
      v.description('Name of the producer to ask what is cached; empty means the one the configuration has.'),
    ),
    '',
  ),
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Takes the prefill stage when the decode endpoint would have many tokens to compute: n - cached >= nonCachedTokens,
 * of a prompt of n >= promptTokens tokens. `nonCachedTokens` 0 means never; so does a prompt nobody has counted or
 * looked up. Source: contract 3.2, but for the producer (8.2, 22): the reference reads the approximate one only.
 */
export const prefixBasedPdDecider = definePlugin({
  kind: 'decider',
  type: 'prefix-based-pd-decider',
  stability: 'beta',
  summary: 'Takes the prefill stage when much of the prompt is not cached at the decode endpoint.',
  config: parameters,
  consumes: (config) => (config.nonCachedTokens === 0 ? [] : [dataKey(TOKENIZED_PROMPT), matchKey(config)]),
  create: (config, context) => {
    const { nonCachedTokens, promptTokens } = config;
    if (nonCachedTokens === 0) return { decide: () => false };
    const promptOf = context.read(dataKey(TOKENIZED_PROMPT));
    const matchOf = context.read(matchKey(config));
    const least = Math.max(nonCachedTokens, promptTokens);
    return {
      decide(request, slot) {
        const count = promptOf(request)?.tokens ?? 0;
        if (count < least || slot === undefined) return false;
        const match = matchOf(request);
        if (match === undefined) return false;
        const { blocksBySlot, blockTokens } = match;
        // An endpoint that joined after the look-up is beyond the array.
        const blocks = slot < blocksBySlot.length ? blocksBySlot[slot] : 0;
        return count - blocks * blockTokens >= nonCachedTokens;
      },
    };
  },
});

function matchKey({ prefixMatchInfoProducerName: producer }: Parameters): DataKey<PrefixMatch> {
  return producer === '' ? openKey(PREFIX_MATCH) : dataKey(PREFIX_MATCH, producer);
}
