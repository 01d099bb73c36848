import type { EngineStats } from '../engine/engine-stats.ts';
import type { Histogram } from '../../lib/histogram.ts';
import { BLOCK_TOKENS } from '../engine/prompt.ts';
import type { Family, Labels, Series } from './metrics-page.ts';

/** What the page says about the server besides its numbers. */
export interface EngineFacts {
  readonly model: string;
  readonly blocks: number;
  readonly maxModelLen: number;
}

/** The families of a vLLM V1 server without adapters, in the order it prints them. Names and labels are vLLM's. */
export function vllmFamilies(stats: EngineStats, facts: EngineFacts): Family[] {
  const labels: Labels = { engine: '0', model_name: facts.model };
  return [...gauges(stats, labels), ...counters(stats, labels), ...histograms(stats, labels), cacheConfig(facts)];
}

function gauges(stats: EngineStats, labels: Labels): Family[] {
  const constant = (extra: Labels, value: number): Series => ({ labels: { ...labels, ...extra }, value: () => value });
  return [
    family('gauge', 'num_requests_running', 'Sequences in the batch.', [{ labels, value: () => stats.running }]),
    family('gauge', 'num_requests_waiting', 'Sequences queued.', [{ labels, value: () => stats.waiting }]),
    family('gauge', 'num_requests_waiting_by_reason', 'Sequences queued, by what they wait for.', [
      { labels: { ...labels, reason: 'capacity' }, value: () => stats.waiting },
      constant({ reason: 'deferred' }, 0),
    ]),
    family('gauge', 'engine_sleep_state', 'Which sleep state the engine is in.', [
      constant({ sleep_state: 'awake' }, 1),
      constant({ sleep_state: 'weights_offloaded' }, 0),
      constant({ sleep_state: 'discard_all' }, 0),
    ]),
    family('gauge', 'kv_cache_usage_perc', 'Share of KV-cache blocks held, 0 to 1.', [
      { labels, value: () => stats.kvUsage },
    ]),
  ];
}

function counters(stats: EngineStats, labels: Labels): Family[] {
  const counter = (name: string, help: string, value: () => number): Family =>
    family('counter', name, help, [{ labels, value }]);
  const of = (label: string, value: string, read: () => number): Series => ({
    labels: { ...labels, [label]: value },
    value: read,
  });
  return [
    counter('prefix_cache_queries', 'Prompt tokens looked up in the prefix cache.', () => stats.prefixQueries),
    counter('prefix_cache_hits', 'Prompt tokens found in the prefix cache.', () => stats.prefixHits),
    counter('external_prefix_cache_queries', 'Tokens asked of another server.', () => stats.promptTokensReceived),
    counter('external_prefix_cache_hits', 'Tokens another server sent.', () => stats.promptTokensReceived),
    counter('mm_cache_queries', 'Multimodal items looked up.', none),
    counter('mm_cache_hits', 'Multimodal items found.', none),
    counter('num_preemptions', 'Sequences evicted from the batch for want of blocks.', () => stats.preemptions),
    counter('prompt_tokens', 'Prompt tokens processed.', () => stats.promptTokens),
    counter('prompt_tokens_cached', 'Prompt tokens that came from a cache.', () => stats.promptTokensCached),
    counter('prompt_tokens_recomputed', 'Prompt tokens computed again.', () => stats.promptTokensRecomputed),
    counter('generation_tokens', 'Tokens generated.', () => stats.generationTokens),
    family('counter', 'prompt_tokens_by_source', 'Prompt tokens by origin of their keys and values.', [
      of('source', 'local_compute', () => stats.promptTokens - stats.promptTokensCached),
      of('source', 'local_cache_hit', () => stats.promptTokensCached - stats.promptTokensReceived),
      of('source', 'external_kv_transfer', () => stats.promptTokensReceived),
    ]),
    family('counter', 'request_success', 'Requests completed, by reason.', [
      of('finished_reason', 'stop', () => stats.finished.stop),
      of('finished_reason', 'length', () => stats.finished.length),
      of('finished_reason', 'abort', none),
      of('finished_reason', 'error', none),
      of('finished_reason', 'repetition', none),
    ]),
  ];
}

function histograms(stats: EngineStats, labels: Labels): Family[] {
  const histogram = (name: string, help: string, value: Histogram): Family =>
    family('histogram', name, help, [{ labels, value }]);
  return [
    histogram('time_to_first_token_seconds', 'From arrival to the first token.', stats.firstToken),
    histogram('inter_token_latency_seconds', 'Between two tokens of a sequence.', stats.interToken),
    histogram('request_time_per_output_token_seconds', 'Mean gap between tokens, per request.', stats.perOutputToken),
    histogram('e2e_request_latency_seconds', 'From arrival to the last token.', stats.endToEnd),
    histogram('request_queue_time_seconds', 'Time in the queue.', stats.queueTime),
    histogram('request_inference_time_seconds', 'From leaving the queue to the last token.', stats.inferenceTime),
    histogram('request_prefill_time_seconds', 'From leaving the queue to the first token.', stats.prefillTime),
    histogram('request_decode_time_seconds', 'From the first token to the last.', stats.decodeTime),
    histogram('request_prompt_tokens', 'Prompt length.', stats.promptLength),
    histogram('request_generation_tokens', 'Output length.', stats.generationLength),
    histogram('iteration_tokens_total', 'Tokens computed per engine step.', stats.stepTokens),
    histogram('request_max_num_generation_tokens', 'Longest output of a request.', stats.maxGenerationLength),
    histogram('request_params_n', 'Outputs asked for.', stats.choices),
    histogram('request_params_max_tokens', 'Output limit asked for.', stats.maxTokensParameter),
    histogram('request_prefill_kv_computed_tokens', 'Prompt tokens not found in a cache.', stats.prefillComputed),
  ];
}

function cacheConfig(facts: EngineFacts): Family {
  const tokens = facts.blocks * BLOCK_TOKENS;
  const labels: Labels = {
    _block_size_resolved: 'True',
    block_size: String(BLOCK_TOKENS),
    cache_dtype: 'auto',
    enable_prefix_caching: 'True',
    engine: '0',
    gpu_memory_utilization: '0.9',
    is_attention_free: 'False',
    kv_cache_max_concurrency: (tokens / facts.maxModelLen).toFixed(2),
    kv_cache_memory_bytes: 'None',
    kv_cache_size_tokens: String(tokens),
    kv_offloading_backend: 'native',
    kv_offloading_size: 'None',
    kv_sharing_fast_prefill: 'False',
    mamba_block_size: 'None',
    mamba_cache_dtype: 'auto',
    mamba_ssm_cache_dtype: 'auto',
    num_cpu_blocks: 'None',
    num_gpu_blocks: String(facts.blocks),
    num_gpu_blocks_override: 'None',
    prefix_caching_hash_algo: 'sha256',
    sliding_window: 'None',
    user_specified_block_size: 'False',
  };
  return family('gauge', 'cache_config_info', 'Settings of the KV cache.', [{ labels, value: () => 1 }]);
}

function family(type: Family['type'], name: string, help: string, series: readonly Series[]): Family {
  return { name: `vllm:${name}`, type, help, series };
}

function none(): number {
  return 0;
}
