import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { inflightLoadKey } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';
import { narrow } from '../../scheduling/narrow.ts';

const MODES = ['requests', 'tokens', 'hybrid'] as const;

const capacity = v.pipe(v.number(), v.integer(), v.minValue(1, 'must be at least 1'));

const parameters = v.strictObject({
  maxConcurrency: v.optional(v.pipe(capacity, v.description('Requests in flight at which an endpoint is full.')), 100),
  headroom: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0, 'must not be negative'),
      v.description('As a filter: share by which an endpoint may be over its limit and stay.'),
    ),
    0,
  ),
  concurrencyMode: v.optional(
    v.pipe(
      v.picklist(MODES, `must be one of ${MODES.join(', ')}`),
      v.description('What fills an endpoint: requests, tokens, or whichever is nearer its limit.'),
    ),
    'requests',
  ),
  maxTokenConcurrency: v.optional(
    v.pipe(capacity, v.description('Tokens in flight at which an endpoint is full.')),
    1_000_000,
  ),
  inFlightLoadProducerName: producerName('requests and tokens in flight'),
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Requests or tokens in flight over all endpoints as a share of what all can take; in hybrid mode the mean over endpoints
 * of the larger share. Not clamped; no endpoints are as full as can be. As a filter it keeps endpoints below
 * floor(limit * (1 + headroom)), in hybrid mode below both, and nobody when all are full. Source: contract 3.9 and 3.3.
 */
export const concurrencyDetector = definePlugin({
  kind: 'saturation-detector',
  also: ['filter'],
  type: 'concurrency-detector',
  stability: 'beta',
  summary: 'Tells how full the pool is by what is in flight; as a filter, leaves out full endpoints.',
  config: parameters,
  consumes: (config) => [inflightLoadKey(config)],
  create(config, context) {
    const load = context.shared(inflightLoadKey(config));
    const { perRequest, perToken, full } = unitsOf(config);
    const { concurrencyMode: mode, maxConcurrency, maxTokenConcurrency, headroom } = config;
    const limit = (most: number): number => Math.floor(most * (1 + headroom));
    const requestLimit = mode === 'tokens' ? Number.POSITIVE_INFINITY : limit(maxConcurrency);
    const tokenLimit = mode === 'requests' ? Number.POSITIVE_INFINITY : limit(maxTokenConcurrency);
    const hasRoom = (slot: number): boolean =>
      load.requestsBySlot[slot] < requestLimit && load.tokensBySlot[slot] < tokenLimit;
    return {
      saturation(candidates) {
        if (candidates.length === 0) return 1;
        const { requestsBySlot, tokensBySlot } = load;
        let sum = 0;
        for (const slot of candidates) {
          sum += Math.max(requestsBySlot[slot] / perRequest, tokensBySlot[slot] / perToken);
        }
        return sum / (full * candidates.length);
      },
      filter: (_request, candidates) => narrow(candidates, hasRoom),
    };
  },
});

/** What counts as one, of requests and of tokens, and how many fill an endpoint: what does not count is divided away. */
function unitsOf({ concurrencyMode: mode, maxConcurrency, maxTokenConcurrency }: Parameters): {
  readonly perRequest: number;
  readonly perToken: number;
  readonly full: number;
} {
  const never = Number.POSITIVE_INFINITY;
  if (mode === 'requests') return { perRequest: 1, perToken: never, full: maxConcurrency };
  if (mode === 'tokens') return { perRequest: never, perToken: 1, full: maxTokenConcurrency };
  return { perRequest: maxConcurrency, perToken: maxTokenConcurrency, full: 1 };
}
