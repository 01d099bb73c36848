import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { countAt, prefixMatchKey } from '../../core/data.ts';
import type { Candidates, EndpointView } from '../../core/endpoint.ts';
import type { Scorer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';

const PREDICTOR = 'predicted-latency-producer';
/** What an unknown queue or cache use counts as: the middle. */
const UNKNOWN = 0.5;
const NO_MATCH = { blocksBySlot: new Uint32Array(0), totalBlocks: 0 };

function weight(fallback: number, description: string) {
  return v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative'), v.description(description)), fallback);
}

const parameters = v.strictObject({
  ttftWeight: weight(0.8, 'Weight of the time to the first token. Needs predictions, so it has no effect yet.'),
  tpotWeight: weight(0.2, 'Weight of the time per output token. Needs predictions, so it has no effect yet.'),
  headroomSelectionStrategy: v.optional(
    v.pipe(
      v.picklist(['least', 'most'], 'must be least or most'),
      v.description('Whether the least or the most headroom is best. Needs predictions, so it has no effect yet.'),
    ),
    'least',
  ),
  compositeKVWeight: weight(1, 'Weight of free KV cache where nothing is predicted.'),
  compositeQueueWeight: weight(1, 'Weight of a short queue where nothing is predicted.'),
  compositePrefixWeight: weight(1, 'Weight of the matched share of the prompt where nothing is predicted.'),
  latencyPredictionInfoProducerName: v.optional(
    v.pipe(
      v.string(),
      v.check((name) => name === '', `must be empty: ${PREDICTOR} is not supported yet`),
      v.description('Name of the producer of predictions; only an empty one is possible yet.'),
    ),
    '',
  ),
  prefixMatchInfoProducerName: producerName('prefix matches'),
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * The score of the contract for endpoints without predictions, rounded to hundredths: wkv * (1 - kv) + wq * (maxQ - q) /
 * maxQ, 1 for all when no queue is long, + wp * match / total, with weights that sum to 1; all on free cache when none
 * is above 0. Source: contract 3.4.
 */
export const latencyScorer = definePlugin({
  kind: 'scorer',
  type: 'latency-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with free KV cache, a short queue and the prompt cached; predicts no latencies yet.',
  config: parameters,
  warnings: () => [
    { at: [], message: `${PREDICTOR} is not supported yet: scores by KV cache, queue and prefix instead` },
  ],
  consumes: (config) => [prefixMatchKey(config)],
  create: (config, context) => createScorer(config, context),
});

function createScorer(config: Parameters, context: PluginContext): Scorer {
  const { endpoints } = context;
  const matchOf = context.read(prefixMatchKey(config));
  const { compositeKVWeight: kv, compositeQueueWeight: queue, compositePrefixWeight: prefix } = config;
  const sum = kv + queue + prefix;
  const [kvWeight, queueWeight, prefixWeight] = sum > 0 ? [kv / sum, queue / sum, prefix / sum] : [1, 0, 0];
  return {
    score(request, candidates, out) {
      const longest = readQueues(candidates, endpoints, out);
      const scale = longest > 0 ? longest : 1;
      const { blocksBySlot, totalBlocks } = matchOf(request) ?? NO_MATCH;
      for (let i = 0; i < candidates.length; i++) {
        const slot = candidates[i];
        const freeCache = known(1 - endpoints.trustedKvUsage(slot));
        const freeQueue = known((scale - out[i]) / scale);
        const cached = totalBlocks === 0 ? 0 : countAt(blocksBySlot, slot) / totalBlocks;
        const score = kvWeight * freeCache + queueWeight * freeQueue + prefixWeight * cached;
        out[i] = Math.round(100 * score) / 100;
      }
    },
  };
}

/** Puts the expected queue of each candidate into `out` and returns the longest that is known. */
function readQueues(candidates: Candidates, endpoints: EndpointView, out: Float64Array): number {
  endpoints.readWaiting(candidates, out);
  let longest = 0;
  for (let i = 0; i < candidates.length; i++) if (out[i] > longest) longest = out[i];
  return longest;
}

function known(share: number): number {
  return Number.isNaN(share) ? UNKNOWN : share;
}
