import * as v from 'valibot';
import { ConfigError, Rejection } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';

/** Runs the only profile. Parameters are ignored, as drop-in configurations carry some. */
export const singleProfileHandler = definePlugin({
  kind: 'profile-handler',
  type: 'single-profile-handler',
  stability: 'beta',
  summary: 'Runs the only scheduling profile.',
  config: v.unknown(),
  create: () => ({
    accept(profiles) {
      if (profiles.length !== 1) {
        throw new ConfigError(
          `single-profile-handler cannot support multiple scheduling profiles: found ${profiles.length} (${profiles.join(', ')}), declare one`,
        );
      }
    },
    schedule(_request, profiles, run) {
      const primary = profiles[0];
      const picks = run(primary);
      return picks instanceof Rejection ? picks : { primary, picks: new Map([[primary, picks]]) };
    },
  }),
});
