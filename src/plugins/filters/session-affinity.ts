import { definePlugin } from '../../core/plugin.ts';
import { createSessionAffinity, sessionKeys, sessionNotes } from '../../scheduling/session-affinity.ts';
import { sessionParameters } from '../../scheduling/session-parameters.ts';

/**
 * Leaves the endpoint that serves the request's session alone, or everybody where it is not a candidate. A hard pin:
 * there is nobody to fall back to when that endpoint refuses the connection; the scorer of the same name leaves room.
 */
export const sessionAffinityFilter = definePlugin({
  kind: 'filter',
  type: 'session-affinity-filter',
  stability: 'alpha',
  summary: 'Keeps only the endpoint that served the session before, where it is a candidate.',
  config: sessionParameters,
  consumes: sessionKeys,
  produces: sessionNotes,
  create(config, context) {
    const affinity = createSessionAffinity(config, context);
    return {
      filter(request, candidates) {
        const index = affinity.indexOf(request, candidates);
        return index < 0 || candidates.length === 1 ? candidates : candidates.slice(index, index + 1);
      },
      onPicked: affinity.onPicked.bind(affinity),
    };
  },
});
