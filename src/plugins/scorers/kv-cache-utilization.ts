import * as v from 'valibot';
import { KV_CACHE_USAGE } from '../../core/endpoint-facts.ts';
import { definePlugin } from '../../core/plugin.ts';

/** What an endpoint scores when its cache use is unknown: half full. */
const UNKNOWN = 0.5;

/** Prefers free KV cache: 1 - use, where use is in 0..1. Source: contract 3.4. */
export const kvCacheUtilizationScorer = definePlugin({
  kind: 'scorer',
  type: 'kv-cache-utilization-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with more free KV cache.',
  config: v.strictObject({}),
  reads: () => [KV_CACHE_USAGE],
  create: (_config, { endpoints }) => ({
    score(_request, candidates, out) {
      const { length } = candidates;
      for (let i = 0; i < length; i++) {
        const use = endpoints.trustedKvUsage(candidates[i]);
        // Two stores: of a conditional V8 would make an object for every number.
        if (Number.isNaN(use)) out[i] = UNKNOWN;
        else out[i] = 1 - use;
      }
    },
  }),
});
