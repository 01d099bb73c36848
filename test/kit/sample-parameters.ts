/** Parameters, by type, of plugins whose defaults leave most of them idle. */
export const SAMPLE_PARAMETERS: Readonly<Record<string, object>> = {
  'disagg-profile-handler': { deciders: { prefill: 'any-decider', encode: 'any-decider' } },
  'prefix-based-pd-decider': { nonCachedTokens: 16 },
};
