import { definePlugin } from '../../core/plugin.ts';
import { createSessionAffinity, sessionKeys, sessionNotes } from '../../scheduling/session-affinity.ts';
import { sessionParameters } from '../../scheduling/session-parameters.ts';

/**
 * 1 for the endpoint that serves the request's session, 0 for all others: a preference that load can outweigh, with
 * the rest of the pool to fall back to.
 */
export const sessionAffinityScorer = definePlugin({
  kind: 'scorer',
  type: 'session-affinity-scorer',
  stability: 'alpha',
  summary: 'Prefers the endpoint that served the session before.',
  config: sessionParameters,
  consumes: sessionKeys,
  produces: sessionNotes,
  create(config, context) {
    const affinity = createSessionAffinity(config, context);
    return {
      score(request, candidates, out) {
        out.fill(0, 0, candidates.length);
        const index = affinity.indexOf(request, candidates);
        if (index >= 0) out[index] = 1;
      },
      onPicked: affinity.onPicked.bind(affinity),
    };
  },
});
