import type { PluginDefinition } from '../core/plugin.ts';
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
import { inflightLoadProducer } from './producers/inflight-load.ts';
import { mmEmbeddingsCacheProducer } from './producers/mm-embeddings-cache.ts';
import { tokenProducer } from './producers/token-producer.ts';
import { singleProfileHandler } from './profile-handlers/single-profile.ts';
import { utilizationDetector } from './saturation-detectors/utilization-detector.ts';
import { kvCacheUtilizationScorer } from './scorers/kv-cache-utilization.ts';
import { prefixCacheScorer } from './scorers/prefix-cache.ts';
import { queueScorer } from './scorers/queue.ts';
import { runningRequestsSizeScorer } from './scorers/running-requests-size.ts';

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
  tokenProducer,
  approxPrefixCacheProducer,
  inflightLoadProducer,
  mmEmbeddingsCacheProducer,
  queueScorer,
  runningRequestsSizeScorer,
  kvCacheUtilizationScorer,
  prefixCacheScorer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  utilizationDetector,
];
