import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { countAt, type DataKey, dataKey, MEDIA_MATCH, type MediaMatch } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';

const parameters = v.strictObject({ producerName: producerName('media matches') });

type Parameters = v.InferOutput<typeof parameters>;

/** Prefers endpoints that encoded the request's media before: matched items / items, else 0. Source: contract 3.4. */
export const mmEmbeddingsCacheScorer = definePlugin({
  kind: 'scorer',
  type: 'mm-embeddings-cache-scorer',
  stability: 'beta',
  summary: "Prefers endpoints that have encoded more of the request's pictures, videos and clips.",
  config: parameters,
  consumes: (config) => [matchKey(config)],
  create(config, context) {
    const matchOf = context.read(matchKey(config));
    return {
      score(request, candidates, out) {
        const match = matchOf(request);
        if (match === undefined || match.totalItems === 0) {
          out.fill(0, 0, candidates.length);
          return;
        }
        const { itemsBySlot, totalItems } = match;
        for (let i = 0; i < candidates.length; i++) out[i] = countAt(itemsBySlot, candidates[i]) / totalItems;
      },
    };
  },
});

function matchKey(config: Parameters): DataKey<MediaMatch> {
  return dataKey(MEDIA_MATCH, config.producerName);
}
