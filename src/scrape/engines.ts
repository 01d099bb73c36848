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

/** Where a kind of model server shows its signals. A signal left out is never known. */
export interface Engine {
  readonly name: string;
  readonly signals: Readonly<Partial<Record<SignalName, SignalSpec>>>;
}

/** An engine in the configuration: `engineConfigs[]` of `core-metrics-extractor`. */
export interface EngineConfig {
  readonly name: string;
  readonly queuedRequestsSpec?: string | undefined;
  readonly runningRequestsSpec?: string | undefined;
  readonly kvUsageSpec?: string | undefined;
  readonly cacheInfoSpec?: string | undefined;
  readonly cacheBlockSizeLabelName?: string | undefined;
  readonly cacheNumBlocksLabelName?: string | undefined;
  readonly cacheBlockSizeSpec?: string | undefined;
  readonly cacheNumBlocksSpec?: string | undefined;
}

/** Pod label that names the engine, and the one of older releases that is consulted after it. */
export const ENGINE_LABEL = 'llm-d.ai/engine-type';
export const LEGACY_ENGINE_LABEL = 'inference.networking.k8s.io/engine-type';
export const DEFAULT_ENGINE = 'vllm';

/** vLLM calls data-parallel engines `engine`, SGLang `dp_rank`. */
const PARALLEL = ['engine', 'dp_rank'];

const ACROSS: Readonly<Record<SignalName, SignalSpec['across']>> = {
  waiting: 'sum',
  running: 'sum',
  kvUsage: 'mean',
  blockTokens: 'max',
  blockCount: 'sum',
};

type Where = string | readonly [spec: string, valueLabel: string];

function engine(name: string, where: Partial<Record<SignalName, readonly Where[]>>): Engine {
  const signals: Partial<Record<SignalName, SignalSpec>> = {};
  for (const signal of SIGNALS) {
    const places = where[signal];
    if (places === undefined) continue;
    const sources = places.map((place): SignalSource => {
      if (typeof place === 'string') return { metric: parseMetricSpec(place) };
      return { metric: parseMetricSpec(place[0]), valueLabel: place[1] };
    });
    signals[signal] = { sources, per: PARALLEL, across: ACROSS[signal] };
  }
  return { name, signals };
}

/** The engines known without configuration. Names: contract `model-servers.md` 1.1. */
export const BUILT_IN_ENGINES: readonly Engine[] = [
  engine('vllm', {
    waiting: ['vllm:num_requests_waiting'],
    running: ['vllm:num_requests_running'],
    // The second name is the one of vLLM V0.
    kvUsage: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
    blockTokens: [['vllm:cache_config_info', 'block_size']],
    blockCount: [['vllm:cache_config_info', 'num_gpu_blocks']],
  }),
  engine('sglang', {
    // With priority scheduling there is one more series per priority; the total is the one that names none.
    waiting: ['sglang:num_queue_reqs{priority=""}'],
    running: ['sglang:num_running_reqs{priority=""}'],
    kvUsage: ['sglang:token_usage{priority=""}'],
    // Gauges of their own since about 0.5.11, labels of one metric before.
    blockTokens: ['sglang:page_size', ['sglang:cache_config_info', 'page_size']],
    blockCount: ['sglang:num_pages', ['sglang:cache_config_info', 'num_pages']],
  }),
  engine('trtllm-serve', {
    waiting: ['trtllm_num_requests_waiting'],
    running: ['trtllm_num_requests_running'],
    kvUsage: ['trtllm_kv_cache_utilization'],
    blockTokens: ['trtllm_kv_cache_tokens_per_block'],
    blockCount: ['trtllm_kv_cache_max_blocks'],
  }),
  engine('triton-tensorrt-llm', {
    waiting: ['nv_trt_llm_request_metrics{request_type=waiting}'],
    running: ['nv_trt_llm_request_metrics{request_type=scheduled}', 'nv_trt_llm_request_metrics{request_type=active}'],
    kvUsage: ['nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}'],
    blockTokens: ['nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}'],
    blockCount: ['nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}'],
  }),
  // No running requests: `nv_inference_exec_count` counts executions since the start, which says nothing about now.
  engine('triton', { waiting: ['nv_inference_pending_request_count'] }),
];

/** The built-in engines with configured ones added; one with a built-in's name takes its place. */
export function mergeEngines(configs: readonly EngineConfig[]): readonly Engine[] {
  const engines = new Map(BUILT_IN_ENGINES.map((builtIn) => [builtIn.name, builtIn]));
  for (const config of configs) engines.set(config.name, engineOf(config));
  return [...engines.values()];
}

/** Compiles a configured engine; empty specs are left out. Throws `Error` for a spec that does not parse. */
export function engineOf(config: EngineConfig): Engine {
  const info = config.cacheInfoSpec;
  const fromInfo = (label: string | undefined): Where[] => (info && label ? [[info, label]] : []);
  return engine(config.name, {
    ...given('waiting', config.queuedRequestsSpec),
    ...given('running', config.runningRequestsSpec),
    ...given('kvUsage', config.kvUsageSpec),
    ...given('blockTokens', config.cacheBlockSizeSpec, fromInfo(config.cacheBlockSizeLabelName)),
    ...given('blockCount', config.cacheNumBlocksSpec, fromInfo(config.cacheNumBlocksLabelName)),
  });
}

function given(signal: SignalName, spec: string | undefined, others: Where[] = []): Record<string, readonly Where[]> {
  const places = spec ? [spec, ...others] : others;
  return places.length > 0 ? { [signal]: places } : {};
}

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
