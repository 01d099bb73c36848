import * as v from 'valibot';
import { dataKey, PEER_ENDPOINT, PREFIX_MATCH } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';
import { primaryPortParameter } from './primary-port.ts';
import { StagedHandler } from './stages.ts';

const DEFAULT_DECIDER = 'prefix-based-pd-decider';

const unused = v.optional(v.pipe(v.string(), v.description('Deprecated: taken, and without effect.')), '');

const parameters = v.pipe(
  v.strictObject({
    decodeProfile: v.optional(
      v.pipe(v.string(), v.description('Profile that picks where the request goes.')),
      'decode',
    ),
    prefillProfile: v.optional(
      v.pipe(v.string(), v.description('Profile that picks who computes the prompt.')),
      'prefill',
    ),
    prefixPluginType: unused,
    prefixPluginName: unused,
    primaryPort: primaryPortParameter(0),
    deciderPluginName: v.optional(
      v.pipe(
        v.string(),
        v.minLength(1, 'must name a decider'),
        v.description('Plugin that says whether a prefill stage is worth it.'),
      ),
      DEFAULT_DECIDER,
    ),
    prefixMatchInfoProducerName: v.optional(
      v.pipe(v.string(), v.description('Name of a producer of prefix matches that must be there.')),
      '',
    ),
  }),
  v.forward(
    v.check(({ decodeProfile, prefillProfile }) => decodeProfile !== prefillProfile, 'must not be the decode profile'),
    ['prefillProfile'],
  ),
);

/**
 * Sends a request to a decode endpoint and, where the decider says so, through a prefill endpoint before. Source:
 * contract 3.2. It names the prefill endpoint itself; the reference's leaves that to a second plugin, without which
 * the stage is chosen in vain.
 */
export const pdProfileHandler = definePlugin({
  kind: 'profile-handler',
  type: 'pd-profile-handler',
  stability: 'deprecated',
  instead: "write 'disagg-profile-handler'",
  summary: 'Picks a decode endpoint and, where the decider says so, a prefill endpoint.',
  config: parameters,
  needs: ({ deciderPluginName: name }) => [{ kind: 'decider', name, at: ['deciderPluginName'] }],
  consumes: ({ prefixMatchInfoProducerName: producer }) => (producer === '' ? [] : [dataKey(PREFIX_MATCH, producer)]),
  profiles: ({ decodeProfile, prefillProfile }) => [decodeProfile, prefillProfile],
  produces: () => [dataKey(PEER_ENDPOINT)],
  create: ({ decodeProfile, prefillProfile, primaryPort, deciderPluginName }, context) =>
    new StagedHandler(
      {
        type: 'pd-profile-handler',
        profiles: { decode: decodeProfile, prefill: prefillProfile, encode: undefined },
        prefillDecider: context.plugin('decider', deciderPluginName),
        encodeDecider: undefined,
        prefillFirst: false,
        port: primaryPort === 0 ? undefined : primaryPort,
        count: (model, decision) => context.meter.pdDecision(model, decision),
      },
      context,
    ),
});
