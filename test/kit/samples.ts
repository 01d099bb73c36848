const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';
const STAGE = 'weight: 2}, {pluginRef: queue-scorer, weight: 1}]}';
const PD_PROFILES = `schedulingProfiles:
- {name: prefill, plugins: [{pluginRef: prefill-filter}, {pluginRef: max-score-picker}, {pluginRef: prefix-cache-scorer, ${STAGE}
- {name: decode, plugins: [{pluginRef: decode-filter}, {pluginRef: max-score-picker}, {pluginRef: prefix-cache-scorer, ${STAGE}
`;

/** Samples of disaggregation that users have: contract `config-and-plugins.md` 2.9. */
export const SAMPLES = {
  S2: `${HEAD}plugins:
- {type: approx-prefix-cache-producer, parameters: {maxPrefixTokensToMatch: 16384, lruCapacityPerServer: 31250}}
- {type: prefix-cache-scorer}
- {type: queue-scorer}
- {type: prefill-filter}
- {type: decode-filter}
- {type: max-score-picker}
- {type: disagg-profile-handler, parameters: {deciders: {prefill: prefix-based-pd-decider}}}
- {type: prefix-based-pd-decider, parameters: {nonCachedTokens: 16}}
${PD_PROFILES}`,
  S2b: `${HEAD}plugins:
- {type: prefill-header-handler}
- {type: approx-prefix-cache-producer, parameters: {blockSizeTokens: 16, maxPrefixTokensToMatch: 16384, lruCapacityPerServer: 256}}
- {type: prefix-cache-scorer}
- {type: queue-scorer}
- {type: prefill-filter}
- {type: decode-filter}
- {type: max-score-picker}
- {type: prefix-based-pd-decider, parameters: {nonCachedTokens: 16}}
- {type: pd-profile-handler, parameters: {deciderPluginName: prefix-based-pd-decider}}
${PD_PROFILES}`,
  S3: `${HEAD}plugins:
- {type: queue-scorer}
- {type: encode-filter}
- {type: prefill-filter}
- {type: decode-filter}
- {type: disagg-profile-handler, parameters: {deciders: {encode: always-disagg-multimodal-decider, prefill: prefix-based-pd-decider}}}
- {type: always-disagg-multimodal-decider}
- {type: prefix-based-pd-decider, parameters: {nonCachedTokens: 16}}
schedulingProfiles:
- {name: encode, plugins: [{pluginRef: encode-filter}]}
- {name: prefill, plugins: [{pluginRef: prefill-filter}, {pluginRef: queue-scorer, weight: 1}]}
- {name: decode, plugins: [{pluginRef: decode-filter}, {pluginRef: queue-scorer, weight: 1}]}
`,
  S11: `${HEAD}plugins:
- {type: decode-filter}
- {type: max-score-picker}
- {type: prefix-cache-scorer}
- {type: data-parallel-profile-handler, parameters: {primaryPort: 8000}}
schedulingProfiles:
- {name: default, plugins: [{pluginRef: decode-filter}, {pluginRef: max-score-picker}, {pluginRef: prefix-cache-scorer, weight: 2}]}
`,
} as const;
