import * as v from 'valibot';
import { dataKey } from '../core/data.ts';
import {
  ACTIVE_MODELS,
  KV_CACHE_USAGE,
  metricsFact,
  RUNNING_REQUESTS_SIZE,
  WAITING_MODELS,
  WAITING_QUEUE_SIZE,
} from '../core/endpoint-facts.ts';
import { definePlugin } from '../core/plugin.ts';
import { complaint } from './complaint.ts';
import { mergeEngines } from './engine-configs.ts';
import { DEFAULT_ENGINE, ENGINE_LABEL, type EngineChoice } from './engines.ts';
import { parseMetricSpec } from './metric-spec.ts';

/** Which signals are read from which engine: parameters of `core-metrics-extractor`. */
export type CoreExtractorSettings = EngineChoice;

/** Different attributes one extractor can keep: each is a column in memory. */
const MAX_CUSTOM_ATTRIBUTES = 64;

const spec = (description: string) =>
  v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === '' || complaint(parseMetricSpec, text) === undefined,
        ({ input }) => complaint(parseMetricSpec, input) ?? '',
      ),
      v.description(description),
    ),
  );
const requiredSpec = (description: string) =>
  v.pipe(
    v.string(),
    v.check(
      (text) => complaint(parseMetricSpec, text) === undefined,
      ({ input }) => complaint(parseMetricSpec, input) ?? '',
    ),
    v.description(description),
  );
const labelName = (description: string) => v.optional(v.pipe(v.string(), v.description(description)));

const engineConfig = v.strictObject({
  name: v.pipe(
    v.string(),
    v.minLength(1, 'an engine needs a name'),
    v.notValue('default', "the name 'default' is reserved"),
    v.description('Value of the engine label; a built-in name replaces that engine as a whole.'),
  ),
  queuedRequestsSpec: spec('Metric with the requests waiting, as name{label=value}.'),
  runningRequestsSpec: spec('Metric with the requests running.'),
  kvUsageSpec: spec('Metric with the KV-cache use, 0 to 1.'),
  loraSpec: spec(
    "Metric whose labels 'running_lora_adapters', 'waiting_lora_adapters' and 'max_lora' tell of LoRA adapters.",
  ),
  cacheInfoSpec: spec('Metric whose labels tell the KV-cache blocks.'),
  cacheBlockSizeLabelName: labelName("Label of 'cacheInfoSpec' with the tokens per block, default 'block_size'."),
  cacheNumBlocksLabelName: labelName("Label of 'cacheInfoSpec' with the number of blocks, default 'num_gpu_blocks'."),
  cacheBlockSizeSpec: spec('Metric with the tokens per block.'),
  cacheNumBlocksSpec: spec('Metric with the number of blocks.'),
  customMetrics: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          attributeKey: v.pipe(
            v.string(),
            v.minLength(1, 'an attribute needs a key'),
            v.description('Name the number is kept under.'),
          ),
          metricSpec: requiredSpec('Metric to read; of several series the newest, or the first.'),
        }),
      ),
      v.checkItems(
        ({ attributeKey }, index, all) => all.findIndex((other) => other.attributeKey === attributeKey) === index,
        ({ input: { attributeKey } }) => `attributeKey "${attributeKey}" is given twice`,
      ),
      v.description('Further numbers to keep per endpoint.'),
    ),
  ),
});

type EngineConfigs = readonly v.InferOutput<typeof engineConfig>[];

/** Keys of the custom attributes of all engines, each once. */
function attributeKeys(configs: EngineConfigs): string[] {
  return [...new Set(configs.flatMap(({ customMetrics = [] }) => customMetrics.map((metric) => metric.attributeKey)))];
}

const extractorParameters = v.pipe(
  v.strictObject({
    engineLabelKey: v.optional(
      v.pipe(v.string(), v.description('Label of an endpoint that names its engine.')),
      ENGINE_LABEL,
    ),
    defaultEngine: v.optional(
      v.pipe(v.string(), v.description('Engine of endpoints that name none or an unknown one.')),
      DEFAULT_ENGINE,
    ),
    engineConfigs: v.optional(
      v.pipe(
        v.array(engineConfig),
        v.checkItems(
          ({ name }, index, all) => all.findIndex((other) => other.name === name) === index,
          ({ input: { name } }) => `the name "${name}" is used twice`,
        ),
        v.check(
          (configs) => attributeKeys(configs).length <= MAX_CUSTOM_ATTRIBUTES,
          `customMetrics may name ${MAX_CUSTOM_ATTRIBUTES} different attributes at most`,
        ),
        v.description('Engines besides, or instead of, the built-in ones.'),
      ),
      [],
    ),
  }),
  v.forward(
    v.partialCheck(
      [['defaultEngine'], ['engineConfigs']],
      ({ defaultEngine, engineConfigs }) => defaultEngine === '' || isEngine(defaultEngine, engineConfigs),
      ({ input: { defaultEngine } }) => `defaultEngine "${defaultEngine}" not found in engineConfigs`,
    ),
    ['defaultEngine'],
  ),
);

function isEngine(wanted: string, configs: EngineConfigs): boolean {
  // Specs that do not parse have their own errors; only names matter here.
  return mergeEngines(configs.map(({ name }) => ({ name }))).some(({ name }) => name === wanted);
}

/** What is read from metrics pages. */
export const coreMetricsExtractor = definePlugin({
  kind: 'extractor',
  type: 'core-metrics-extractor',
  stability: 'beta',
  summary:
    'Reads queue, running requests, KV-cache use, LoRA adapters and custom numbers from metrics pages, per engine.',
  config: extractorParameters,
  payload: 'metrics-page',
  produces: ({ engineConfigs }) => [
    WAITING_QUEUE_SIZE,
    RUNNING_REQUESTS_SIZE,
    KV_CACHE_USAGE,
    ACTIVE_MODELS,
    WAITING_MODELS,
    ...attributeKeys(engineConfigs).map(metricsFact),
  ],
  create: ({ engineLabelKey, defaultEngine, engineConfigs }): CoreExtractorSettings => ({
    labelKey: engineLabelKey || ENGINE_LABEL,
    defaultEngine: defaultEngine || DEFAULT_ENGINE,
    engines: mergeEngines(engineConfigs),
  }),
});

/** Keeps which models every endpoint says it serves. Takes no parameters; those given are ignored, as in the contract. */
export const modelsDataExtractor = definePlugin({
  kind: 'extractor',
  type: 'models-data-extractor',
  stability: 'beta',
  summary: 'Keeps which models every endpoint says it serves.',
  config: v.object({}),
  payload: 'model-list',
  produces: () => [dataKey({ name: '/v1/models', defaultProducer: 'models-data-extractor' })],
  create: () => ({}),
});
