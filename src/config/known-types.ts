/**
 * Every plugin type the reference registers (contract section 3). One that our catalog lacks is refused as not
 * supported yet, which tells the reader that the spelling is right and the file is meant for the reference.
 */
export const KNOWN_TYPES: ReadonlySet<string> = new Set([
  // pickers
  'max-score-picker',
  'random-picker',
  'weighted-random-picker',
  // profile handlers, deciders
  'single-profile-handler',
  'header-profile-handler',
  'data-parallel-profile-handler',
  'disagg-profile-handler',
  'pd-profile-handler',
  'disagg-headers-handler',
  'prefill-header-handler',
  'always-disagg-pd-decider',
  'always-disagg-multimodal-decider',
  'prefix-based-pd-decider',
  // filters
  'decode-filter',
  'prefill-filter',
  'encode-filter',
  'label-selector-filter',
  'by-label-selector',
  'by-label',
  'prefix-cache-affinity-filter',
  'slo-headroom-tier-filter',
  'utilization-filter',
  'endpoint-attribute-filter',
  'topology-affinity-filter',
  'session-affinity-filter',
  'multicluster-session-affinity-filter',
  'context-length-aware',
  'header-based-testing-filter',
  // scorers
  'queue-scorer',
  'running-requests-size-scorer',
  'kv-cache-utilization-scorer',
  'lora-affinity-scorer',
  'load-aware-scorer',
  'active-request-scorer',
  'token-load-scorer',
  'prefix-cache-scorer',
  'no-hit-lru-scorer',
  'mm-embeddings-cache-scorer',
  'latency-scorer',
  'precise-prefix-cache-scorer',
  'session-affinity-scorer',
  'header-label-affinity-scorer',
  'endpoint-attribute-scorer',
  'topology-affinity-scorer',
  'multicluster-queue-scorer',
  'multicluster-kv-cache-utilization-scorer',
  'multicluster-prefix-cache-scorer',
  // producers
  'token-producer',
  'tokenizer',
  'approx-prefix-cache-producer',
  'multicluster-approx-prefix-cache-producer',
  'precise-prefix-cache-producer',
  'inflight-load-producer',
  'predicted-latency-producer',
  'mm-embeddings-cache-producer',
  'session-id-producer',
  'burst-prefix-cache-producer',
  'p2p-source-producer',
  // admission, screening, headers, responses
  'latency-slo-admitter',
  'probabilistic-admitter',
  'disaggregatedset-rollout-screener',
  'agent-identity',
  'request-attribute-reporter',
  'destination-endpoint-served-verifier',
  // parsers
  'openai-parser',
  'anthropic-parser',
  'vllmhttp-parser',
  'sglanghttp-parser',
  'passthrough-parser',
  'vllmgrpc-parser',
  'vertexai-parser',
  // flow control
  'global-strict-fairness-policy',
  'round-robin-fairness-policy',
  'program-aware-fairness',
  'fcfs-ordering-policy',
  'edf-ordering-policy',
  'slo-deadline-ordering-policy',
  'static-usage-limit-policy',
  'priority-holdback-policy',
  'soft-reflective-ceiling-policy',
  'sheddable-eviction-filter',
  'priority-then-time-eviction-order-policy',
  'utilization-detector',
  'concurrency-detector',
  // data layer, discovery
  'metrics-data-source',
  'models-data-source',
  'dcgm-data-source',
  'k8s-notification-source',
  'endpoint-notification-source',
  'multicluster-metrics-data-source',
  'core-metrics-extractor',
  'models-data-extractor',
  'dcgm-extractor',
  'topology-extractor',
  'multicluster-metrics-extractor',
  'file-discovery',
  'multicluster-file-discovery',
]);

/** Old type names that mean a type with another name and the same parameters. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ['by-label-selector', 'label-selector-filter'],
  ['tokenizer', 'token-producer'],
]);

/**
 * Types that defaults ask for and that a catalog may lack without harm: nothing else in a configuration can tell
 * whether they are there.
 */
export const DISPENSABLE: ReadonlySet<string> = new Set([
  'openai-parser',
  'anthropic-parser',
  'vllmhttp-parser',
  'passthrough-parser',
  'utilization-detector',
  'fcfs-ordering-policy',
  'global-strict-fairness-policy',
  'static-usage-limit-policy',
]);
