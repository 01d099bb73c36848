import type { PluginDefinition } from '../core/plugin.ts';
import { probabilisticAdmitter } from './admitters/probabilistic.ts';
import { sessionAffinityFilter } from './filters/session-affinity.ts';
import { edfOrderingPolicy } from './flow-control/edf-ordering.ts';
import { fcfsOrderingPolicy } from './flow-control/fcfs-ordering.ts';
import { globalStrictFairnessPolicy } from './flow-control/global-strict-fairness.ts';
import { priorityHoldbackPolicy } from './flow-control/priority-holdback.ts';
import { priorityThenTimeEvictionOrderPolicy } from './flow-control/priority-then-time-eviction.ts';
import { programAwareFairness } from './flow-control/program-aware-fairness.ts';
import { roundRobinFairnessPolicy } from './flow-control/round-robin-fairness.ts';
import { sheddableEvictionFilter } from './flow-control/sheddable-eviction.ts';
import { sloDeadlineOrderingPolicy } from './flow-control/slo-deadline-ordering.ts';
import { softReflectiveCeilingPolicy } from './flow-control/soft-reflective-ceiling.ts';
import { staticUsageLimitPolicy } from './flow-control/static-usage-limit.ts';
import { agentIdentity } from './hooks/agent-identity.ts';
import { destinationEndpointServedVerifier } from './hooks/destination-endpoint-served-verifier.ts';
import { requestAttributeReporter } from './hooks/request-attribute-reporter.ts';
import { alwaysDisaggMultimodalDecider } from './deciders/always-disagg-multimodal.ts';
import { alwaysDisaggPdDecider } from './deciders/always-disagg-pd.ts';
import { prefixBasedPdDecider } from './deciders/prefix-based-pd.ts';
import { byLabel } from './filters/by-label.ts';
import { decodeFilter } from './filters/decode.ts';
import { encodeFilter } from './filters/encode.ts';
import { endpointAttributeFilter } from './filters/endpoint-attribute.ts';
import { headerBasedTestingFilter } from './filters/header-based-testing.ts';
import { labelSelectorFilter } from './filters/label-selector.ts';
import { prefillFilter } from './filters/prefill.ts';
import { prefixCacheAffinityFilter } from './filters/prefix-cache-affinity.ts';
import { topologyAffinityFilter } from './filters/topology-affinity.ts';
import { utilizationFilter } from './filters/utilization.ts';
import { topologyExtractor } from './extractors/topology.ts';
import { anthropicParser } from './parsers/anthropic.ts';
import { openaiParser } from './parsers/openai.ts';
import { passthroughParser } from './parsers/passthrough.ts';
import { sglanghttpParser } from './parsers/sglanghttp.ts';
import { vertexaiParser } from './parsers/vertexai.ts';
import { vllmgrpcParser } from './parsers/vllmgrpc.ts';
import { vllmhttpParser } from './parsers/vllmhttp.ts';
import { maxScorePicker } from './pickers/max-score.ts';
import { randomPicker } from './pickers/random.ts';
import { weightedRandomPicker } from './pickers/weighted-random.ts';
import { approxPrefixCacheProducer } from './producers/approx-prefix-cache.ts';
import { dataParallelProfileHandler } from './profile-handlers/data-parallel.ts';
import { disaggHeadersHandler, prefillHeaderHandler } from './profile-handlers/disagg-headers.ts';
import { disaggProfileHandler } from './profile-handlers/disagg.ts';
import { headerProfileHandler } from './profile-handlers/header-profile.ts';
import { pdProfileHandler } from './profile-handlers/pd.ts';
import { sessionIdProducer } from './producers/session-id.ts';
import { inflightLoadProducer } from './producers/inflight-load.ts';
import { mmEmbeddingsCacheProducer } from './producers/mm-embeddings-cache.ts';
import { tokenProducer } from './producers/token-producer.ts';
import { singleProfileHandler } from './profile-handlers/single-profile.ts';
import { concurrencyDetector } from './saturation-detectors/concurrency-detector.ts';
import { utilizationDetector } from './saturation-detectors/utilization-detector.ts';
import { activeRequestScorer } from './scorers/active-request.ts';
import { contextLengthAware } from './scorers/context-length-aware.ts';
import { endpointAttributeScorer } from './scorers/endpoint-attribute.ts';
import { headerLabelAffinityScorer } from './scorers/header-label-affinity.ts';
import { kvCacheUtilizationScorer } from './scorers/kv-cache-utilization.ts';
import { latencyScorer } from './scorers/latency.ts';
import { loadAwareScorer } from './scorers/load-aware.ts';
import { loraAffinityScorer } from './scorers/lora-affinity.ts';
import { mmEmbeddingsCacheScorer } from './scorers/mm-embeddings-cache.ts';
import { noHitLruScorer } from './scorers/no-hit-lru.ts';
import { prefixCacheScorer } from './scorers/prefix-cache.ts';
import { queueScorer } from './scorers/queue.ts';
import { runningRequestsSizeScorer } from './scorers/running-requests-size.ts';
import { sessionAffinityScorer } from './scorers/session-affinity.ts';
import { tokenLoadScorer } from './scorers/token-load.ts';
import { topologyAffinityScorer } from './scorers/topology-affinity.ts';
import { endpointNotificationSource } from './sources/endpoint-notification.ts';
import { k8sNotificationSource } from './sources/k8s-notification.ts';

/** Every plugin that needs no I/O; `app` adds the sources and discoveries that do. */
export const PLUGINS: readonly PluginDefinition[] = [
  openaiParser,
  anthropicParser,
  vllmhttpParser,
  sglanghttpParser,
  vllmgrpcParser,
  vertexaiParser,
  passthroughParser,
  singleProfileHandler,
  headerProfileHandler,
  dataParallelProfileHandler,
  disaggProfileHandler,
  pdProfileHandler,
  disaggHeadersHandler,
  prefillHeaderHandler,
  alwaysDisaggPdDecider,
  alwaysDisaggMultimodalDecider,
  prefixBasedPdDecider,
  sessionIdProducer,
  sessionAffinityFilter,
  decodeFilter,
  prefillFilter,
  encodeFilter,
  labelSelectorFilter,
  byLabel,
  prefixCacheAffinityFilter,
  utilizationFilter,
  endpointAttributeFilter,
  topologyAffinityFilter,
  headerBasedTestingFilter,
  tokenProducer,
  approxPrefixCacheProducer,
  inflightLoadProducer,
  mmEmbeddingsCacheProducer,
  queueScorer,
  runningRequestsSizeScorer,
  kvCacheUtilizationScorer,
  prefixCacheScorer,
  sessionAffinityScorer,
  loadAwareScorer,
  activeRequestScorer,
  tokenLoadScorer,
  noHitLruScorer,
  mmEmbeddingsCacheScorer,
  contextLengthAware,
  latencyScorer,
  headerLabelAffinityScorer,
  loraAffinityScorer,
  endpointAttributeScorer,
  topologyAffinityScorer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  utilizationDetector,
  probabilisticAdmitter,
  agentIdentity,
  requestAttributeReporter,
  destinationEndpointServedVerifier,
  globalStrictFairnessPolicy,
  roundRobinFairnessPolicy,
  programAwareFairness,
  fcfsOrderingPolicy,
  edfOrderingPolicy,
  sloDeadlineOrderingPolicy,
  staticUsageLimitPolicy,
  priorityHoldbackPolicy,
  softReflectiveCeilingPolicy,
  sheddableEvictionFilter,
  priorityThenTimeEvictionOrderPolicy,
  concurrencyDetector,
  endpointNotificationSource,
  k8sNotificationSource,
  topologyExtractor,
];
