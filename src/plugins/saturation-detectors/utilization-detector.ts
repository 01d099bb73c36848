import * as v from 'valibot';
import { KV_CACHE_USAGE, WAITING_QUEUE_SIZE } from '../../core/endpoint-facts.ts';
import { definePlugin } from '../../core/plugin.ts';
import { durationMs } from '../../lib/duration-schema.ts';
import { narrow } from '../../scheduling/narrow.ts';

/** What an endpoint counts as when nothing recent is known about it: full. */
const UNKNOWN = 1;

const config = v.strictObject({
  queueDepthThreshold: v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value > 0, 'must be more than 0'),
      v.description('Waiting requests at which a server is full.'),
    ),
    5,
  ),
  kvCacheUtilThreshold: v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value > 0 && value <= 1, 'must be more than 0 and at most 1'),
      v.description('KV-cache use at which a server is full.'),
    ),
    0.8,
  ),
  metricsStalenessThreshold: v.optional(
    v.pipe(durationMs, v.description('Age from which the metrics of a server say nothing, and it counts as full.')),
    '200ms',
  ),
  headroom: v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value >= 0, 'must not be negative'),
      v.description('As a filter: share by which an endpoint may be over a threshold and stay.'),
    ),
    0,
  ),
});

/**
 * The mean over endpoints of the larger of queue and KV-cache use, each as a share of its threshold and not clamped.
 * No endpoints are as full as can be. As a filter it keeps endpoints with recent metrics and both below threshold * (1 +
 * headroom), and everybody when that would be nobody. Source: contract 3.9 and 3.3.
 */
export const utilizationDetector = definePlugin({
  kind: 'saturation-detector',
  also: ['filter'],
  type: 'utilization-detector',
  stability: 'beta',
  summary: 'Tells how full the pool is by its queues and KV caches; as a filter, leaves out full endpoints.',
  config,
  reads: () => [WAITING_QUEUE_SIZE, KV_CACHE_USAGE],
  create(settings, { endpoints, clock }) {
    const { scrapedAtMs } = endpoints.signals;
    const { queueDepthThreshold, kvCacheUtilThreshold, metricsStalenessThreshold } = settings;
    const waitingLimit = queueDepthThreshold * (1 + settings.headroom);
    const kvLimit = kvCacheUtilThreshold * (1 + settings.headroom);
    const isFresh = (slot: number, nowMs: number): boolean => nowMs - scrapedAtMs[slot] <= metricsStalenessThreshold;
    return {
      saturation(candidates) {
        if (candidates.length === 0) return UNKNOWN;
        const nowMs = clock.nowMs();
        let sum = 0;
        for (const slot of candidates) {
          const queue = endpoints.trustedWaiting(slot) / queueDepthThreshold;
          const share = Math.max(queue, endpoints.trustedKvUsage(slot) / kvCacheUtilThreshold);
          // A signal nobody could read makes the share NaN.
          sum += isFresh(slot, nowMs) && !Number.isNaN(share) ? share : UNKNOWN;
        }
        return sum / candidates.length;
      },
      filter(_request, candidates) {
        const nowMs = clock.nowMs();
        // A signal nobody could read is below nothing.
        const hasRoom = (slot: number): boolean =>
          isFresh(slot, nowMs) &&
          endpoints.trustedWaiting(slot) < waitingLimit &&
          endpoints.trustedKvUsage(slot) < kvLimit;
        const left = narrow(candidates, hasRoom);
        return left.length === 0 ? candidates : left;
      },
    };
  },
});
