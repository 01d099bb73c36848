import * as v from 'valibot';
import type { Candidates } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { durationMs } from '../../lib/duration-schema.ts';

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
      v.description('Taken and checked, without effect: the detector does not filter.'),
    ),
    0,
  ),
});

/**
 * The mean over endpoints of the larger of queue and KV-cache use, each as a share of its threshold and not clamped.
 * No endpoints are as full as can be. Source: contract `config-and-plugins.md` 3.9.
 */
export const utilizationDetector = definePlugin({
  kind: 'saturation-detector',
  type: 'utilization-detector',
  stability: 'beta',
  summary: 'Tells how full the pool is by its queues and KV caches.',
  config,
  create: (settings, { endpoints, clock }) => ({
    saturation(candidates: Candidates): number {
      if (candidates.length === 0) return UNKNOWN;
      const { waiting, kvUsage, scrapedAtMs } = endpoints.signals;
      const nowMs = clock.nowMs();
      let sum = 0;
      for (const slot of candidates) {
        const share = Math.max(
          waiting[slot] / settings.queueDepthThreshold,
          kvUsage[slot] / settings.kvCacheUtilThreshold,
        );
        const fresh = nowMs - scrapedAtMs[slot] <= settings.metricsStalenessThreshold;
        // A signal nobody could read makes the share NaN.
        sum += fresh && !Number.isNaN(share) ? share : UNKNOWN;
      }
      return sum / candidates.length;
    },
  }),
});
