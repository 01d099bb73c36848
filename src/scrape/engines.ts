import { type MetricSpec, parseMetricSpec } from './metric-spec.ts';

/** The columns a scrape fills. */
export const SIGNALS = ['waiting', 'running', 'kvUsage', 'blockTokens', 'blockCount'] as const;
export type SignalName = (typeof SIGNALS)[number];

/** One place a signal may stand on the page: a sample's value, or a label that holds a number. */
export interface SignalSource {
  readonly metric: MetricSpec;
  readonly valueLabel?: string;
}

/** How a signal is read. Plain data, so that it can be sent to the worker. */
export interface SignalSpec {
  /** Tried in order; the first that is on the page at all is used. */
  readonly sources: readonly SignalSource[];
  /**
   * Labels that tell apart engines running side by side in one server. Series that agree in them describe the same
   * engine (they may differ in `pid` or in the model's name): the highest counts, an engine must not look idle.
   */
  readonly per: readonly string[];
  /** What makes one number of several engines. */
  readonly across: 'sum' | 'mean' | 'max';
}

/** Where the LoRA adapters of a server are told. */
export interface LoraSpec {
  /**
   * Labels `running_lora_adapters` and `waiting_lora_adapters` list names, `max_lora` is a number. The value is when the
   * lists were made, so that of several series the highest counts; the others are what was true once.
   */
  readonly info: MetricSpec;
  /** One series per adapter, label `adapter_name`, above 0 while it is in GPU memory, in use or not. */
  readonly loaded?: MetricSpec | undefined;
  /** How many adapters GPU memory takes. */
  readonly capacity?: MetricSpec | undefined;
  /** As in `SignalSpec`. */
  readonly per: readonly string[];
}

/** A number of the page that is kept per endpoint under a name of the user's. */
export interface AttributeSpec {
  readonly key: string;
  /** Of several series the one with the newest timestamp is read, without timestamps the first. */
  readonly metric: MetricSpec;
}

/** Where a kind of model server shows its signals. A signal left out is never known. */
export interface Engine {
  readonly name: string;
  readonly signals: Readonly<Partial<Record<SignalName, SignalSpec>>>;
  readonly lora?: LoraSpec | undefined;
  readonly attributes?: readonly AttributeSpec[] | undefined;
  /** Path of the page where `DEFAULT_PATH` has something else. */
  readonly otherPath?: string | undefined;
  /** Whether `DEFAULT_PATH` with a slash and `?name[]=` after it has the metrics so named only. */
  readonly filtersByName?: boolean | undefined;
}

/** Names of all samples that are read of an engine, each once. */
export function metricNames({ signals, attributes = [], lora }: Engine): string[] {
  const specs = [
    ...SIGNALS.flatMap((signal) => signals[signal]?.sources ?? []).map(({ metric }) => metric),
    ...attributes.map(({ metric }) => metric),
    lora?.info,
    lora?.loaded,
    lora?.capacity,
  ];
  return [...new Set(specs.flatMap((spec) => spec?.name ?? []))];
}

/** Pod label that names the engine, and the one of older releases that is consulted after it. */
export const ENGINE_LABEL = 'llm-d.ai/engine-type';
export const LEGACY_ENGINE_LABEL = 'inference.networking.k8s.io/engine-type';
export const DEFAULT_ENGINE = 'vllm';
/** Where most servers have their page. */
export const DEFAULT_PATH = '/metrics';

/** vLLM calls data-parallel engines `engine`, SGLang `dp_rank`. */
export const PARALLEL: readonly string[] = ['engine', 'dp_rank'];
/** Triton runs every model it serves on its own. */
const MODELS: readonly string[] = ['model', 'version'];

const ACROSS: Readonly<Record<SignalName, SignalSpec['across']>> = {
  waiting: 'sum',
  running: 'sum',
  kvUsage: 'mean',
  blockTokens: 'max',
  blockCount: 'sum',
};

/** A metric spec, alone or with the label that holds the number. */
export type Where = string | readonly [spec: string, valueLabel: string];

/** Compiles places, tried in order, to an engine. Throws `Error` for a spec that does not parse. */
export function engineAt(
  name: string,
  where: Partial<Record<SignalName, readonly Where[]>>,
  { per = PARALLEL, ...rest }: Omit<Engine, 'name' | 'signals'> & { readonly per?: readonly string[] } = {},
): Engine {
  const signals: Partial<Record<SignalName, SignalSpec>> = {};
  for (const signal of SIGNALS) {
    const places = where[signal];
    if (places === undefined) continue;
    const sources = places.map((place): SignalSource => {
      if (typeof place === 'string') return { metric: parseMetricSpec(place) };
      return { metric: parseMetricSpec(place[0]), valueLabel: place[1] };
    });
    signals[signal] = { sources, per, across: ACROSS[signal] };
  }
  return { name, signals, ...rest };
}

/** The engines known without configuration. Names: contract `model-servers.md` 1.1. */
export const BUILT_IN_ENGINES: readonly Engine[] = [
  engineAt(
    'vllm',
    {
      waiting: ['vllm:num_requests_waiting'],
      running: ['vllm:num_requests_running'],
      // The second name is the one of vLLM V0.
      kvUsage: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
      blockTokens: [['vllm:cache_config_info', 'block_size']],
      blockCount: [['vllm:cache_config_info', 'num_gpu_blocks']],
    },
    {
      lora: {
        info: parseMetricSpec('vllm:lora_requests_info'),
        // The info names adapters in use; these, of newer releases, also those that only lie there.
        loaded: parseMetricSpec('vllm:lora_adapter_loaded{level=gpu}'),
        capacity: parseMetricSpec('vllm:max_gpu_lora_adapters'),
        per: PARALLEL,
      },
      filtersByName: true,
    },
  ),
  engineAt('sglang', {
    // With priority scheduling there is one more series per priority; the total is the one that names none.
    waiting: ['sglang:num_queue_reqs{priority=""}'],
    running: ['sglang:num_running_reqs{priority=""}'],
    kvUsage: ['sglang:token_usage{priority=""}'],
    // Gauges of their own since about 0.5.11, labels of one metric before.
    blockTokens: ['sglang:page_size', ['sglang:cache_config_info', 'page_size']],
    blockCount: ['sglang:num_pages', ['sglang:cache_config_info', 'num_pages']],
  }),
  engineAt(
    'trtllm-serve',
    {
      waiting: ['trtllm_num_requests_waiting'],
      running: ['trtllm_num_requests_running'],
      kvUsage: ['trtllm_kv_cache_utilization'],
      blockTokens: ['trtllm_kv_cache_tokens_per_block'],
      blockCount: ['trtllm_kv_cache_max_blocks'],
    },
    // Its `/metrics` is a list of statistics in JSON.
    { otherPath: '/prometheus/metrics' },
  ),
  engineAt(
    'triton-tensorrt-llm',
    {
      waiting: ['nv_trt_llm_request_metrics{request_type=waiting}'],
      running: [
        'nv_trt_llm_request_metrics{request_type=scheduled}',
        'nv_trt_llm_request_metrics{request_type=active}',
      ],
      kvUsage: ['nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}'],
      blockTokens: ['nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}'],
      blockCount: ['nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}'],
    },
    { per: MODELS },
  ),
  // No running requests: `nv_inference_exec_count` counts executions since the start, which says nothing about now.
  engineAt('triton', { waiting: ['nv_inference_pending_request_count'] }, { per: MODELS }),
];

/** How an endpoint's labels choose its engine. */
export interface EngineChoice {
  readonly labelKey: string;
  readonly defaultEngine: string;
  readonly engines: readonly Engine[];
}

/** Place in `choice.engines` of the engine the labels name; the default's when they name none or an unknown one. */
export function selectEngine(labels: Readonly<Record<string, string>>, choice: EngineChoice): number {
  const { engines } = choice;
  const named = labels[choice.labelKey] || labels[LEGACY_ENGINE_LABEL];
  const at = engines.findIndex((candidate) => candidate.name === named);
  return at === -1
    ? Math.max(
        0,
        engines.findIndex((candidate) => candidate.name === choice.defaultEngine),
      )
    : at;
}
