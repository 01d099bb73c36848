import * as v from 'valibot';
import { ConfigError, Rejection } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import { primaryPortParameter } from './primary-port.ts';
import { nameRank } from './stage-headers.ts';

/**
 * Runs the only profile and sends the request to one port of the picked pod, with the rank that was picked in a header:
 * a sidecar there hands it on. It refuses a rank of another pod, so nobody to fall back to is ranked besides those the
 * picker was asked for. Source: contract 3.2.
 */
export const dataParallelProfileHandler = definePlugin({
  kind: 'profile-handler',
  type: 'data-parallel-profile-handler',
  stability: 'deprecated',
  instead: "list every rank's port in the pool and use single-profile-handler",
  summary: 'Runs the only scheduling profile and lets a sidecar hand the request to the rank that was picked.',
  config: v.strictObject({ primaryPort: primaryPortParameter(8000) }),
  create: ({ primaryPort }, { endpoints }) => {
    const port = primaryPort === 0 ? undefined : primaryPort;
    return {
      accept(profiles) {
        if (profiles.length !== 1) {
          throw new ConfigError(
            `data-parallel-profile-handler runs one scheduling profile: found ${profiles.length} (${profiles.join(', ')})`,
          );
        }
      },
      schedule(_request, profiles, run) {
        const primary = profiles[0];
        const picks = run(primary, port === undefined ? 'fallbacks' : 'picker');
        return picks instanceof Rejection ? picks : { primary, picks: new Map([[primary, picks]]), port };
      },
      onPicked: (_request, schedule, edits) => nameRank(schedule, endpoints, edits),
    };
  },
});
