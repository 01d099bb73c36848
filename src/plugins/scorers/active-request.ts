import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { inflightLoadKey } from '../../core/data.ts';
import { definePlugin, type PluginWarning } from '../../core/plugin.ts';

const parameters = v.strictObject({
  idleThreshold: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.description('Requests in flight up to which an endpoint counts as idle; less than 0 means 0.'),
    ),
    0,
  ),
  maxBusyScore: v.optional(
    v.pipe(v.number(), v.description('Most that an endpoint can score that is not idle, 0 to 1.')),
    1,
  ),
  inFlightLoadProducerName: producerName('requests in flight'),
  requestTimeout: v.optional(v.pipe(v.string(), v.description('Deprecated and without effect.'))),
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Prefers endpoints we sent less to: 1 up to idleThreshold requests in flight, else (max - n) / max * maxBusyScore.
 * Source: contract 3.4.
 */
export const activeRequestScorer = definePlugin({
  kind: 'scorer',
  type: 'active-request-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with fewer requests in flight, as this picker counts them.',
  config: parameters,
  warnings,
  consumes: (config) => [inflightLoadKey(config)],
  create(config, context) {
    const load = context.shared(inflightLoadKey(config));
    const idle = Math.max(0, config.idleThreshold);
    const busyScore = isShare(config.maxBusyScore) ? config.maxBusyScore : 1;
    return {
      score(_request, candidates, out) {
        const { requestsBySlot } = load;
        let max = 0;
        for (let i = 0; i < candidates.length; i++) max = Math.max(max, requestsBySlot[candidates[i]]);
        for (let i = 0; i < candidates.length; i++) {
          const requests = requestsBySlot[candidates[i]];
          out[i] = requests <= idle ? 1 : ((max - requests) / max) * busyScore;
        }
      },
    };
  },
});

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

function warnings({ maxBusyScore, requestTimeout }: Parameters): PluginWarning[] {
  const found: PluginWarning[] = [];
  if (!isShare(maxBusyScore)) {
    found.push({ at: ['maxBusyScore'], message: 'is not between 0 and 1: ignored, 1 is used' });
  }
  if (requestTimeout !== undefined) {
    const message = 'is deprecated and ignored: requests are counted to the end of their streams';
    found.push({ at: ['requestTimeout'], message });
  }
  return found;
}
