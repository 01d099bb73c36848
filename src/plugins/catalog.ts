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
import { sessionIdProducer } from './producers/session-id.ts';
import { singleProfileHandler } from './profile-handlers/single-profile.ts';
import { utilizationDetector } from './saturation-detectors/utilization-detector.ts';
import { kvCacheUtilizationScorer } from './scorers/kv-cache-utilization.ts';
import { prefixCacheScorer } from './scorers/prefix-cache.ts';
import { queueScorer } from './scorers/queue.ts';
import { runningRequestsSizeScorer } from './scorers/running-requests-size.ts';
import { sessionAffinityScorer } from './scorers/session-affinity.ts';

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
  approxPrefixCacheProducer,
  sessionIdProducer,
  sessionAffinityFilter,
  queueScorer,
  runningRequestsSizeScorer,
  kvCacheUtilizationScorer,
  prefixCacheScorer,
  sessionAffinityScorer,
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
];
