import * as v from 'valibot';
import { ConfigError, Rejection } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';

const DEFAULT_HEADER = 'EPP-Profile';
const DEFAULT_PROFILE = 'decode';

const parameters = v.strictObject({
  headerName: v.optional(
    v.pipe(v.string(), v.description('Request header whose value names the profile; empty means the default.')),
    DEFAULT_HEADER,
  ),
  defaultProfile: v.optional(
    v.pipe(v.string(), v.description('Profile of requests without the header; empty means the default.')),
    DEFAULT_PROFILE,
  ),
});

/**
 * Runs the profile a request header names: a coordinator sends every stage of a request through the gateway anew. An
 * only profile runs whatever the header says; a name nobody has is refused with 429. Source: contract 3.2 and
 * `wire-protocol.md` 10.3.
 */
export const headerProfileHandler = definePlugin({
  kind: 'profile-handler',
  type: 'header-profile-handler',
  stability: 'alpha',
  summary: 'Runs the scheduling profile that a request header names.',
  config: parameters,
  create: (config) => {
    const headerName = (config.headerName.trim() || DEFAULT_HEADER).toLowerCase();
    const defaultProfile = config.defaultProfile.trim() || DEFAULT_PROFILE;
    return {
      accept(profiles) {
        if (profiles.length === 0) throw new ConfigError('header-profile-handler has no scheduling profile to run');
      },
      schedule(request, profiles, run) {
        const named = request.headers.get(headerName)?.trim();
        const primary = profiles.length === 1 ? profiles[0] : named || defaultProfile;
        const picks = run(primary);
        return picks instanceof Rejection ? picks : { primary, picks: new Map([[primary, picks]]) };
      },
    };
  },
});
