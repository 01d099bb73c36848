import * as v from 'valibot';
import type { Candidates } from '../../core/endpoint.ts';
import { reject } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';

/** What an endpoint counts as when nothing is known about it: full. */
const UNKNOWN = 1;

const positive = v.pipe(
  v.number(),
  v.check((value) => value > 0, 'must be more than 0'),
);

const parameters = v.strictObject({
  queueDepthThreshold: v.optional(
    v.pipe(positive, v.integer(), v.description('Waiting requests at which a server is full.')),
    5,
  ),
  kvCacheUtilThreshold: v.optional(v.pipe(positive, v.description('KV-cache use at which a server is full.')), 0.8),
  power: v.optional(v.pipe(positive, v.description('How steeply refusals rise with saturation.')), 5),
  k: v.optional(v.pipe(positive, v.description('Share refused at saturation 1, before it is cut off at 1.')), 300),
});

/**
 * Refuses requests of negative priority by chance, the more the fuller their candidates are: with probability
 * min(1, saturation^power * k), where saturation is the mean over the candidates of the larger of queue and KV-cache
 * use, each as a share of its threshold. Metrics count however old they are. Source: contract 3.6.
 */
export const probabilisticAdmitter = definePlugin({
  kind: 'admitter',
  type: 'probabilistic-admitter',
  stability: 'beta',
  summary: 'Refuses some requests of negative priority, more of them the fuller the pool is.',
  config: parameters,
  create({ queueDepthThreshold, kvCacheUtilThreshold, power, k }, { endpoints, random }) {
    const { waiting, kvUsage } = endpoints.signals;
    const saturationOf = (candidates: Candidates): number => {
      let sum = 0;
      for (const slot of candidates) {
        const share = Math.max(waiting[slot] / queueDepthThreshold, kvUsage[slot] / kvCacheUtilThreshold);
        sum += Number.isNaN(share) ? UNKNOWN : share;
      }
      return sum / candidates.length;
    };
    return {
      admit({ priority }, candidates) {
        if (priority >= 0 || candidates.length === 0) return undefined;
        const saturation = saturationOf(candidates);
        const probability = Math.min(1, saturation ** power * k);
        if (random.next() >= probability) return undefined;
        const why = `saturation=${saturation.toFixed(3)} prob=${probability.toFixed(2)}`;
        const message = `request cannot be admitted: probabilistic-admitter: rejected, ${why}`;
        return reject('ResourceExhausted', message, 'rejected-saturated');
      },
    };
  },
});
