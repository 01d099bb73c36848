import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

const DEFAULT_THRESHOLD = 128;
/** What an endpoint without a queue scores: the contract keeps the upper half for spare room nobody measures yet. */
const IDLE = 0.5;
/** What an endpoint scores when its queue is unknown: half of that. */
const UNKNOWN = IDLE / 2;

const parameters = v.strictObject({
  threshold: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.transform((value) => (value > 0 ? value : DEFAULT_THRESHOLD)),
      v.description('Waiting requests that score 0; 0 and less mean the default.'),
    ),
    DEFAULT_THRESHOLD,
  ),
});

/** Prefers short queues by a fixed scale: 0.5 * (1 - min(q, threshold) / threshold). Source: contract 3.4. */
export const loadAwareScorer = definePlugin({
  kind: 'scorer',
  type: 'load-aware-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints with fewer waiting requests, measured against a threshold.',
  config: parameters,
  create: ({ threshold }, { endpoints }) => ({
    score(_request, candidates, out) {
      endpoints.readWaiting(candidates, out);
      for (let i = 0; i < candidates.length; i++) {
        const waiting = out[i];
        // Two stores: of a conditional V8 would make an object for every number.
        if (Number.isNaN(waiting)) out[i] = UNKNOWN;
        else out[i] = IDLE * (1 - Math.min(waiting, threshold) / threshold);
      }
    },
  }),
});
