import * as v from 'valibot';
import { dataKey, PEER_ENDPOINT } from '../../core/data.ts';
import type { Decider } from '../../core/kinds.ts';
import { definePlugin, type PluginContext, type PluginNeed } from '../../core/plugin.ts';
import { StagedHandler } from './stages.ts';

const DECODE = 'decode';
const PREFILL = 'prefill';
const ENCODE = 'encode';

const name = (what: string) => v.optional(v.pipe(v.string(), v.description(what)));
const flat = (instead: string) => name(`Deprecated: write ${instead}.`);

/** The deprecated form, by key; one is used with none of `profiles` and `deciders`. */
const FLAT = {
  decodeProfile: flat('profiles.decode'),
  prefillProfile: flat('profiles.prefill'),
  encodeProfile: flat('profiles.encode'),
  prefillDeciderPluginName: flat('deciders.prefill'),
  encodeDeciderPluginName: flat('deciders.encode'),
  deciderPluginName: flat('deciders.prefill'),
};

const form = v.strictObject({
  stageOrder: v.optional(
    v.pipe(
      v.picklist(['decode-first', 'prefill-first']),
      v.description('Whether the prefill stage is chosen for a decode endpoint, or the other way round and always.'),
    ),
    'decode-first',
  ),
  profiles: v.optional(
    v.pipe(
      v.strictObject({
        decode: name(`Profile that picks where the request goes; ${DECODE} when absent.`),
        prefill: name(`Profile that picks who computes the prompt; ${PREFILL} when absent.`),
        encode: name(`Profile that picks who encodes pictures, videos and sound; ${ENCODE} when absent.`),
      }),
      v.description('Names of the scheduling profiles by stage.'),
    ),
  ),
  deciders: v.optional(
    v.pipe(
      v.strictObject({
        prefill: name('Plugin that says whether a prefill stage is worth it; without one it never is.'),
        encode: name('Plugin that says whether an encode stage is worth it; without one it never is.'),
      }),
      v.description('Who decides about the stages besides decode, by stage.'),
    ),
  ),
  ...FLAT,
});

type Form = v.InferOutput<typeof form>;

const parameters = v.pipe(
  form,
  v.check(
    ({ profiles, deciders, ...rest }) => {
      const nested = profiles !== undefined || deciders !== undefined;
      return !nested || Object.keys(FLAT).every((key) => rest[key as keyof typeof FLAT] === undefined);
    },
    `cannot mix deprecated flat parameters (${Object.keys(FLAT).join(', ')}) with nested parameters (profiles, deciders): use one format or the other`,
  ),
  v.check(
    (given) => given.stageOrder === 'decode-first' || deciderOf(given, 'prefill') === undefined,
    'prefill decider is not supported in prefill-first stage order',
  ),
  v.check((given) => {
    const { decode, prefill, encode } = profilesOf(given);
    return new Set([decode, prefill, encode]).size === 3;
  }, 'decode, prefill and encode must be three different profiles'),
);

/**
 * Sends a request to a decode endpoint and names endpoints for prefill and encode in headers, where deciders say these
 * stages are worth it. Source: contract 3.2 and `wire-protocol.md` 10.1. Unlike the reference's, it needs no prefix
 * matches and tokens of its own: deciders do, if they use them.
 */
export const disaggProfileHandler = definePlugin({
  kind: 'profile-handler',
  type: 'disagg-profile-handler',
  stability: 'beta',
  summary: 'Picks a decode endpoint and, where deciders say so, endpoints for prefill and encode.',
  config: parameters,
  needs: (config) => [deciderOf(config, 'prefill'), deciderOf(config, 'encode')].filter((need) => need !== undefined),
  profiles: (config) => {
    const { decode, prefill, encode } = profilesOf(config);
    const prefills = config.stageOrder === 'prefill-first' || deciderOf(config, 'prefill') !== undefined;
    return [decode, ...(prefills ? [prefill] : []), ...(deciderOf(config, 'encode') === undefined ? [] : [encode])];
  },
  // The contract's key has the type in it, whatever the instance is called.
  produces: () => [dataKey(PEER_ENDPOINT)],
  create: (config, context) =>
    new StagedHandler(
      {
        type: 'disagg-profile-handler',
        profiles: profilesOf(config),
        prefillDecider: instanceOf(deciderOf(config, 'prefill'), context),
        encodeDecider: instanceOf(deciderOf(config, 'encode'), context),
        prefillFirst: config.stageOrder === 'prefill-first',
        port: undefined,
        count: (model, decision) => context.meter.disaggDecision(model, decision),
      },
      context,
    ),
});

function profilesOf({ profiles, decodeProfile, prefillProfile, encodeProfile }: Form) {
  return {
    decode: profiles?.decode || decodeProfile || DECODE,
    prefill: profiles?.prefill || prefillProfile || PREFILL,
    encode: profiles?.encode || encodeProfile || ENCODE,
  };
}

/** The decider of a stage under whichever of its keys names one, the newest first; empty names nobody. */
function deciderOf(given: Form, stage: 'prefill' | 'encode'): PluginNeed | undefined {
  const flatKeys =
    stage === 'prefill'
      ? (['prefillDeciderPluginName', 'deciderPluginName'] as const)
      : (['encodeDeciderPluginName'] as const);
  const places = [
    { named: given.deciders?.[stage], at: ['deciders', stage] },
    ...flatKeys.map((key) => ({ named: given[key], at: [key] })),
  ];
  const place = places.find(({ named }) => named !== undefined && named !== '');
  return place && { kind: 'decider', name: place.named ?? '', at: place.at };
}

function instanceOf(need: PluginNeed | undefined, context: PluginContext): Decider | undefined {
  return need && context.plugin('decider', need.name);
}
