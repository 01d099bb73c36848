import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { countAt, inflightLoadKey, prefixMatchKey } from '../../core/data.ts';
import type { Candidates } from '../../core/endpoint.ts';
import type { Filter } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';
import { narrow } from '../../scheduling/narrow.ts';

const PREDICTOR = 'latencyPredictor';

const parameters = v.pipe(
  v.strictObject({
    affinityThreshold: v.optional(
      v.pipe(
        v.number(),
        v.maxValue(1, 'must be at most 1'),
        v.description('Matched share of the prompt from which an endpoint holds a request; 0 turns the filter off.'),
      ),
      0.8,
    ),
    explorationProbability: v.optional(
      v.pipe(
        v.number(),
        v.check((value) => value >= 0 && value <= 1, 'must be between 0 and 1'),
        v.description('Share of requests that are not held, so that others get to cache the prompt.'),
      ),
      0,
    ),
    maxTTFTPenaltyMs: v.optional(
      v.pipe(
        v.number(),
        v.minValue(0, 'must not be negative'),
        v.description('Holds nobody when the best holder is slower to a first token by more; 0 always holds.'),
      ),
      18_000,
    ),
    ttftSource: v.optional(
      v.pipe(
        v.picklist(['prefillThroughput', PREDICTOR], `must be prefillThroughput or ${PREDICTOR}`),
        v.check(
          (source) => source !== PREDICTOR,
          `must be prefillThroughput: ${PREDICTOR} needs predicted-latency-producer, which is not supported yet`,
        ),
        v.description('Where times to the first token come from.'),
      ),
      'prefillThroughput',
    ),
    peakPrefillThroughput: v.optional(
      v.pipe(
        v.number(),
        v.minValue(0, 'must not be negative'),
        v.description('Prompt tokens a server works on in a second; the default is Qwen 32B on two H100.'),
      ),
      15_928,
    ),
    prefixMatchInfoProducerName: producerName('prefix matches'),
    latencyPredictionInfoProducerName: producerName(`predictions, which only ttftSource ${PREDICTOR} reads`),
    inFlightLoadProducerName: producerName('tokens in flight'),
  }),
  v.forward(
    v.check(
      ({ maxTTFTPenaltyMs, peakPrefillThroughput }) => maxTTFTPenaltyMs === 0 || peakPrefillThroughput > 0,
      'must be above 0 when maxTTFTPenaltyMs is',
    ),
    ['peakPrefillThroughput'],
  ),
);

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Keeps the holders of a prompt, endpoints with match / total >= affinityThreshold. All stay when there is no holder
 * or no choice, with explorationProbability, and when best TTFT(holders) - best TTFT(others) > maxTTFTPenaltyMs, where
 * TTFT = tokens in flight / peakPrefillThroughput * 1000 ms. Source: contract 3.3.
 */
export const prefixCacheAffinityFilter = definePlugin({
  kind: 'filter',
  type: 'prefix-cache-affinity-filter',
  stability: 'beta',
  summary: 'Keeps endpoints that have most of the prompt cached, unless they are too busy.',
  config: parameters,
  consumes: (config) => [prefixMatchKey(config), ...(config.maxTTFTPenaltyMs > 0 ? [inflightLoadKey(config)] : [])],
  create: (config, context) => createFilter(config, context),
});

function createFilter(config: Parameters, context: PluginContext): Filter {
  const { affinityThreshold: threshold, explorationProbability, maxTTFTPenaltyMs } = config;
  const { random } = context;
  const matchOf = context.read(prefixMatchKey(config));
  const load = maxTTFTPenaltyMs > 0 ? context.shared(inflightLoadKey(config)) : undefined;
  const maxPenaltyTokens = (maxTTFTPenaltyMs / 1000) * config.peakPrefillThroughput;
  return {
    filter(request, candidates) {
      if (candidates.length <= 1 || threshold <= 0) return candidates;
      if (explorationProbability > 0 && random.next() < explorationProbability) return candidates;
      const match = matchOf(request);
      if (match === undefined || match.totalBlocks === 0) return candidates;
      const { blocksBySlot, totalBlocks } = match;
      const holds = (slot: number): boolean => countAt(blocksBySlot, slot) / totalBlocks >= threshold;
      const holders = narrow(candidates, holds);
      if (holders.length === 0) return candidates;
      const busy = load !== undefined && penaltyTokens(candidates, holds, load.tokensBySlot) > maxPenaltyTokens;
      return busy ? candidates : holders;
    },
  };
}

/** How many more tokens the least busy holder has in flight than the least busy other; none without others. */
function penaltyTokens(candidates: Candidates, holds: (slot: number) => boolean, tokensBySlot: Float64Array): number {
  let best = Number.POSITIVE_INFINITY;
  let bestOther = Number.POSITIVE_INFINITY;
  for (let i = 0; i < candidates.length; i++) {
    const slot = candidates[i];
    const tokens = tokensBySlot[slot];
    if (!holds(slot)) bestOther = Math.min(bestOther, tokens);
    else best = Math.min(best, tokens);
  }
  return bestOther === Number.POSITIVE_INFINITY ? 0 : best - bestOther;
}
