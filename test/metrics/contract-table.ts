/** A family that dashboards and autoscalers of the reference rely on, without its prefix. */
export interface ContractRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Space-separated. */
  readonly labels: string;
  /** Space-separated upper bounds. */
  readonly buckets?: string;
  /** The same numbers under the name of a former generation. */
  readonly twin?: { readonly name: string; readonly labels: string };
}

const REQUEST = 'model_name target_model_name fairness_id priority';
const MODELS = 'model_name target_model_name';
const PREFIX = 'plugin_name plugin_type';
const DECISION = `${PREFIX} model_name decision_type`;
const INFLIGHT = 'endpoint_name namespace producer_name fairness_id priority';
const UP_TO_120 = '0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 120';
const UP_TO_8192 = '1 8 16 32 64 128 256 512 1024 2048 4096 8192';
const UP_TO_65536 = `${UP_TO_8192} 16384 32778 65536`;
const TOKENS = `${UP_TO_65536} 131072 262144 524288 1048576`;
const FAST = '0.0001 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1';
const BODY =
  '64 128 256 512 1024 2048 4096 8192 16384 32768 65536 131072 262144 524288 1048576 2097152 4194304 8388608 16777216 33554432 67108864 134217728 268435456 536870912 1073741824';

const objective = (name: string, labels: string) => ({ name: `inference_objective_${name}`, labels });
const pool = (name: string, labels = 'name') => ({ name: `inference_pool_${name}`, labels });
const extension = (name: string, labels: string) => ({ name: `inference_extension_${name}`, labels });
const scheduler = (name: string, labels: string) => ({ name: `llm_d_inference_scheduler_${name}`, labels });

/** What is built: `wire-protocol.md` 5.2 and 5.3, row by row. */
export const CONTRACT: readonly ContractRow[] = [
  {
    name: 'request_total',
    type: 'counter',
    labels: REQUEST,
    twin: objective('request_total', `${MODELS} priority`),
  },
  {
    name: 'request_error_total',
    type: 'counter',
    labels: `${REQUEST} error_code`,
    twin: objective('request_error_total', `${MODELS} error_code`),
  },
  {
    name: 'request_duration_seconds',
    type: 'histogram',
    labels: REQUEST,
    buckets: `${UP_TO_120} 180 240 300 360 480 600 900 1200 1800 2700 3600`,
    twin: objective('request_duration_seconds', MODELS),
  },
  {
    name: 'request_size_bytes',
    type: 'histogram',
    labels: REQUEST,
    buckets: BODY,
    twin: objective('request_sizes', MODELS),
  },
  {
    name: 'response_size_bytes',
    type: 'histogram',
    labels: REQUEST,
    buckets: UP_TO_65536,
    twin: objective('response_sizes', MODELS),
  },
  {
    name: 'request_input_tokens',
    type: 'histogram',
    labels: REQUEST,
    buckets: TOKENS,
    twin: objective('input_tokens', MODELS),
  },
  {
    name: 'request_cached_tokens',
    type: 'histogram',
    labels: REQUEST,
    buckets: TOKENS,
    twin: objective('prompt_cached_tokens', MODELS),
  },
  {
    name: 'request_output_tokens',
    type: 'histogram',
    labels: REQUEST,
    buckets: UP_TO_8192,
    twin: objective('output_tokens', MODELS),
  },
  { name: 'request_running', type: 'gauge', labels: REQUEST, twin: objective('running_requests', 'model_name') },
  {
    name: 'request_ntpot_seconds',
    type: 'histogram',
    labels: REQUEST,
    buckets: '0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10',
    twin: objective('normalized_time_per_output_token_seconds', MODELS),
  },
  { name: 'request_ttft_seconds', type: 'histogram', labels: `${REQUEST} streaming`, buckets: UP_TO_120 },
  {
    name: 'request_streaming_tpot_seconds',
    type: 'histogram',
    labels: REQUEST,
    buckets: '0.0005 0.00205 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.125 0.15 0.2 0.3 0.4 0.5 0.6 0.8 1 2',
  },
  {
    name: 'request_streaming_itl_seconds',
    type: 'histogram',
    labels: REQUEST,
    buckets: '0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.15 0.2 0.3 0.5 0.75 1 2',
  },
  {
    name: 'average_kv_cache_utilization',
    type: 'gauge',
    labels: 'name',
    twin: pool('average_kv_cache_utilization'),
  },
  { name: 'average_queue_size', type: 'gauge', labels: 'name', twin: pool('average_queue_size') },
  { name: 'average_running_requests', type: 'gauge', labels: 'name', twin: pool('average_running_requests') },
  { name: 'std_dev_kv_cache_utilization', type: 'gauge', labels: 'name' },
  { name: 'std_dev_queue_size', type: 'gauge', labels: 'name' },
  { name: 'std_dev_running_requests', type: 'gauge', labels: 'name' },
  { name: 'ready_endpoints', type: 'gauge', labels: 'name', twin: pool('ready_pods') },
  {
    name: 'per_endpoint_queue_size',
    type: 'gauge',
    labels: 'name model_server_endpoint',
    twin: pool('per_pod_queue_size', 'name model_server_pod'),
  },
  {
    name: 'scheduler_e2e_duration_seconds',
    type: 'histogram',
    labels: '',
    buckets: FAST,
    twin: extension('scheduler_e2e_duration_seconds', ''),
  },
  {
    name: 'scheduler_attempts_total',
    type: 'counter',
    labels: 'status target_model_name endpoint_name namespace port',
    twin: extension('scheduler_attempts_total', 'status target_model_name pod_name namespace port'),
  },
  {
    name: 'plugin_duration_seconds',
    type: 'histogram',
    labels: 'extension_point plugin_type plugin_name',
    buckets: FAST,
    twin: extension('plugin_duration_seconds', 'extension_point plugin_type plugin_name'),
  },
  {
    name: 'request_processing_duration_seconds',
    type: 'histogram',
    labels: '',
    buckets: '0.0005 0.001 0.002 0.005 0.01 0.015 0.025 0.04 0.06 0.1 0.25 0.5 1 2.5 5 10',
  },
  {
    name: 'response_processing_duration_seconds',
    type: 'histogram',
    labels: '',
    buckets: '0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5',
  },
  { name: 'info', type: 'gauge', labels: 'commit build_ref', twin: extension('info', 'commit build_ref') },
  {
    name: 'model_rewrite_decisions_total',
    type: 'counter',
    labels: 'model_rewrite_name model_name target_model',
    twin: extension('model_rewrite_decisions_total', 'model_rewrite_name model_name target_model'),
  },
  {
    name: 'datalayer_poll_errors_total',
    type: 'counter',
    labels: 'source_type',
    twin: scheduler('datalayer_poll_errors_total', 'source_type'),
  },
  {
    name: 'datalayer_extract_errors_total',
    type: 'counter',
    labels: 'source_type extractor_type',
    twin: scheduler('datalayer_extract_errors_total', 'source_type extractor_type'),
  },
  { name: 'prefix_indexer_size', type: 'gauge', labels: PREFIX, twin: extension('prefix_indexer_size', '') },
  {
    name: 'prefix_indexer_hit_ratio',
    type: 'histogram',
    labels: PREFIX,
    buckets: '0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1',
    twin: extension('prefix_indexer_hit_ratio', ''),
  },
  {
    name: 'prefix_indexer_hit_bytes',
    type: 'histogram',
    labels: PREFIX,
    buckets: '0 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536',
    twin: extension('prefix_indexer_hit_bytes', ''),
  },
  {
    name: 'disagg_decision_total',
    type: 'counter',
    labels: DECISION,
    twin: scheduler('disagg_decision_total', 'model_name decision_type'),
  },
  {
    name: 'pd_decision_total',
    type: 'counter',
    labels: DECISION,
    twin: scheduler('pd_decision_total', 'model_name decision_type'),
  },
  { name: 'inflight_requests', type: 'gauge', labels: INFLIGHT },
  { name: 'inflight_tokens', type: 'gauge', labels: INFLIGHT },
  { name: 'encoder_cache_queries_total', type: 'counter', labels: 'plugin_type plugin_name modality' },
  { name: 'encoder_cache_hits_total', type: 'counter', labels: 'plugin_type plugin_name pod modality' },
  {
    name: 'encoder_cache_hit_ratio',
    type: 'histogram',
    labels: 'plugin_type plugin_name',
    buckets: '0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1',
  },
  { name: 'extproc_streams_inflight', type: 'gauge', labels: '' },
  {
    name: 'extproc_stream_duration_seconds',
    type: 'histogram',
    labels: '',
    buckets: '0.001 0.005 0.01 0.05 0.1 0.5 1 5 10 30 60 120 300 600',
  },
  { name: 'extproc_streams_total', type: 'counter', labels: 'code' },
];

/** What is not: names, or what they start with, and the feature nobody has built that would move them. */
export const NOT_BUILT: readonly (readonly [name: string, reason: string])[] = [
  ['plugin_data_scope_violations_total', 'a plugin can reach only the data it declares, so there is nothing to count'],
  ['disaggregatedset_', 'disaggregated serving'],
  ['request_slo_violation_total', 'latency prediction'],
  ['request_predicted_', 'latency prediction'],
  ['request_ttft_prediction_duration_seconds', 'latency prediction'],
  ['request_tpot_prediction_duration_seconds', 'latency prediction'],
  ['inference_request_metric', 'latency prediction'],
  ['program_aware_', 'the program-aware flow policy'],
  ['kv_cache_', 'KV-cache events'],
  ['flow_control_', 'flow control'],
];

/** Families of ours that the contract does not know. */
export const OURS: readonly string[] = [
  'capacity_refusals_total',
  'capacity_used_ratio',
  'idle_streams_ended_total',
  'event_loop_stall_seconds',
  'memory_limit_bytes',
  'short_metrics_page_endpoints',
  'scraper_restarts_total',
  'plugin_faults_total',
  'config_reload_errors_total',
  'config_reload_total',
  'config_generation',
  'endpoint_health_transitions_total',
  'endpoints_by_health',
  'frozen_metrics_endpoints',
  'metrics_trials_total',
  'disagg_stage_failures_total',
  'session_bindings',
  'render_fallbacks_total',
  'discovery_connected',
  'discovery_errors_total',
  'leader_election_is_leader',
];
