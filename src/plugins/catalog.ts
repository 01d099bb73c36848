import type { PluginDefinition } from '../core/plugin.ts';
import { byLabel } from './filters/by-label.ts';
import { decodeFilter } from './filters/decode.ts';
import { encodeFilter } from './filters/encode.ts';
import { headerBasedTestingFilter } from './filters/header-based-testing.ts';
import { labelSelectorFilter } from './filters/label-selector.ts';
import { prefillFilter } from './filters/prefill.ts';
import { prefixCacheAffinityFilter } from './filters/prefix-cache-affinity.ts';
import { utilizationFilter } from './filters/utilization.ts';
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
import { singleProfileHandler } from './profile-handlers/single-profile.ts';
import { concurrencyDetector } from './saturation-detectors/concurrency-detector.ts';
import { utilizationDetector } from './saturation-detectors/utilization-detector.ts';
import { activeRequestScorer } from './scorers/active-request.ts';
import { contextLengthAware } from './scorers/context-length-aware.ts';
import { headerLabelAffinityScorer } from './scorers/header-label-affinity.ts';
import { kvCacheUtilizationScorer } from './scorers/kv-cache-utilization.ts';
import { latencyScorer } from './scorers/latency.ts';
import { loadAwareScorer } from './scorers/load-aware.ts';
import { mmEmbeddingsCacheScorer } from './scorers/mm-embeddings-cache.ts';
import { noHitLruScorer } from './scorers/no-hit-lru.ts';
import { prefixCacheScorer } from './scorers/prefix-cache.ts';
import { queueScorer } from './scorers/queue.ts';
import { runningRequestsSizeScorer } from './scorers/running-requests-size.ts';
import { tokenLoadScorer } from './scorers/token-load.ts';

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
  decodeFilter,
  prefillFilter,
  encodeFilter,
  labelSelectorFilter,
  byLabel,
  prefixCacheAffinityFilter,
  utilizationFilter,
  headerBasedTestingFilter,
  queueScorer,
  runningRequestsSizeScorer,
  kvCacheUtilizationScorer,
  prefixCacheScorer,
  loadAwareScorer,
  activeRequestScorer,
  tokenLoadScorer,
  noHitLruScorer,
  mmEmbeddingsCacheScorer,
  contextLengthAware,
  latencyScorer,
  headerLabelAffinityScorer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  utilizationDetector,
  concurrencyDetector,
];
