/** One metric family: the table below is the only place where names, labels and buckets stand. */
export interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Histogram bounds. */
  readonly buckets?: readonly number[];
  /** Exported only when stream metrics are asked for. */
  readonly streams?: true;
}

const REQUEST_LABELS = ['model_name', 'target_model_name', 'fairness_id', 'priority'] as const;
const PREFIX_LABELS = ['plugin_name', 'plugin_type'] as const;
const DECISION_LABELS = ['plugin_name', 'plugin_type', 'model_name', 'decision_type'] as const;
const INFLIGHT_LABELS = ['endpoint_name', 'namespace', 'producer_name', 'fairness_id', 'priority'] as const;
const MEDIA_LABELS = ['plugin_type', 'plugin_name'] as const;

const LATENCY_SECONDS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120, 180, 240,
  300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const SCHEDULER_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];
/** 32778 is the contract's own slip for 32768; dashboards know the series by it. */
const RESPONSE_BYTES = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32778, 65536];
const PROMPT_TOKENS = [...RESPONSE_BYTES, 131072, 262144, 524288, 1048576];
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const OUTPUT_TOKENS = RESPONSE_BYTES.filter((bound) => bound <= 8192);

/**
 * Every family this picker exports, without the `llm_d_epp_` prefix. Source: contract `wire-protocol.md` 5.2 and 5.3;
 * families marked "ours" have no counterpart there.
 */
export const FAMILIES = {
  request_total: counter('Requests for which an endpoint was named.', REQUEST_LABELS),
  request_error_total: counter('Requests refused or answered with an error, by code.', [
    ...REQUEST_LABELS,
    'error_code',
  ]),
  request_duration_seconds: histogram('From receipt to the end of the response.', REQUEST_LABELS, LATENCY_SECONDS),
  request_size_bytes: histogram(
    'Bytes of the request body.',
    REQUEST_LABELS,
    Array.from({ length: 25 }, (_, power) => 64 * 2 ** power),
  ),
  response_size_bytes: histogram('Bytes of the response body.', REQUEST_LABELS, RESPONSE_BYTES),
  request_input_tokens: histogram('Prompt tokens, as the server counted them.', REQUEST_LABELS, PROMPT_TOKENS),
  request_cached_tokens: histogram(
    'Prompt tokens the server had in its prefix cache, as it reported.',
    REQUEST_LABELS,
    PROMPT_TOKENS,
  ),
  request_output_tokens: histogram('Generated tokens, as the server counted them.', REQUEST_LABELS, OUTPUT_TOKENS),
  request_running: gauge('Requests sent to an endpoint and not ended.', REQUEST_LABELS),
  request_ntpot_seconds: histogram(
    'From receipt to the end of the response, per generated token.',
    REQUEST_LABELS,
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  ),
  request_ttft_seconds: histogram(
    'From receipt to the first piece of the response body.',
    [...REQUEST_LABELS, 'streaming'],
    LATENCY_SECONDS.filter((bound) => bound <= 120),
  ),
  request_streaming_tpot_seconds: histogram(
    'From the first piece of a streamed response to its end, per further generated token.',
    REQUEST_LABELS,
    [0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2],
  ),
  request_streaming_itl_seconds: histogram(
    'Between two pieces of a streamed response body.',
    REQUEST_LABELS,
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2],
  ),
  average_kv_cache_utilization: gauge('Mean KV-cache use over endpoints with fresh metrics.', ['name']),
  average_queue_size: gauge('Mean waiting requests over endpoints with fresh metrics.', ['name']),
  average_running_requests: gauge('Mean running requests over endpoints with fresh metrics.', ['name']),
  std_dev_kv_cache_utilization: gauge('Sample standard deviation of KV-cache use.', ['name']),
  std_dev_queue_size: gauge('Sample standard deviation of waiting requests.', ['name']),
  std_dev_running_requests: gauge('Sample standard deviation of running requests.', ['name']),
  ready_endpoints: gauge('Endpoints in the pool.', ['name']),
  per_endpoint_queue_size: gauge('Waiting requests of one endpoint.', ['name', 'model_server_endpoint']),
  scheduler_e2e_duration_seconds: histogram('Time to schedule one request.', [], SCHEDULER_SECONDS),
  scheduler_attempts_total: counter('Scheduling attempts by outcome.', [
    'status',
    'target_model_name',
    'endpoint_name',
    'namespace',
    'port',
  ]),
  plugin_duration_seconds: histogram(
    'Time one plugin needed for one request.',
    ['extension_point', 'plugin_type', 'plugin_name'],
    SCHEDULER_SECONDS,
  ),
  request_processing_duration_seconds: histogram(
    'From receipt to the picker answering.',
    [],
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ),
  response_processing_duration_seconds: histogram(
    'Time spent on the response of one request, over all its pieces.',
    [],
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  ),
  model_rewrite_decisions_total: counter('Requests whose model a rewrite replaced.', [
    'model_rewrite_name',
    'model_name',
    'target_model',
  ]),
  info: gauge('Build of this picker.', ['commit', 'build_ref']),
  datalayer_poll_errors_total: counter('Scrapes that failed.', ['source_type']),
  datalayer_extract_errors_total: counter('Scraped pages that lacked a signal.', ['source_type', 'extractor_type']),
  prefix_indexer_size: gauge('Blocks in the prefix index.', PREFIX_LABELS),
  prefix_indexer_hit_ratio: histogram('Share of a prompt found in the prefix index.', PREFIX_LABELS, SHARES),
  prefix_indexer_hit_bytes: histogram('Bytes of a prompt found in the prefix index.', PREFIX_LABELS, [
    0,
    ...Array.from({ length: 13 }, (_, power) => 16 * 2 ** power),
  ]),
  disagg_decision_total: counter('Requests by the stages they go through.', DECISION_LABELS),
  pd_decision_total: counter('Requests by the stages they go through, of pd-profile-handler.', DECISION_LABELS),
  disagg_stage_failures_total: counter(
    'Times a stage was wanted and no endpoint would do, so that the request went on without (ours).',
    [...PREFIX_LABELS, 'stage'],
  ),
  inflight_requests: gauge('Requests sent to an endpoint and not ended.', INFLIGHT_LABELS),
  inflight_tokens: gauge(
    'Tokens an endpoint has yet to work on: of prompts, without what it has cached, and of answers where they are estimated.',
    INFLIGHT_LABELS,
  ),
  encoder_cache_queries_total: counter('Images, videos and clips looked for among those endpoints have encoded.', [
    ...MEDIA_LABELS,
    'modality',
  ]),
  encoder_cache_hits_total: counter('Endpoints that had one of them encoded.', [...MEDIA_LABELS, 'pod', 'modality']),
  encoder_cache_hit_ratio: histogram(
    "Share of a request's media that the endpoint it was sent to had encoded.",
    MEDIA_LABELS,
    SHARES,
  ),
  extproc_streams_inflight: { ...gauge('ext_proc streams open now.', []), streams: true },
  extproc_stream_duration_seconds: {
    ...histogram(
      'From the first message of an ext_proc stream to its end.',
      [],
      [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600],
    ),
    streams: true,
  },
  extproc_streams_total: { ...counter('ext_proc streams that ended, by gRPC status.', ['code']), streams: true },
  capacity_refusals_total: counter(
    'Requests refused because too much was under way in the picker, by the limit and whether priority was negative (ours).',
    ['limit', 'sheddable'],
  ),
  capacity_used_ratio: gauge('Share of a limit of the picker in use; at 0.8 sheddable requests are refused (ours).', [
    'limit',
  ]),
  idle_streams_ended_total: counter('ext_proc streams ended because nothing happened on them (ours).', []),
  event_loop_stall_seconds: histogram(
    'Times the event loop stood still for 0.1 s and more, so that nobody was served (ours).',
    [],
    [0.2, 0.5, 1, 2, 5, 10],
  ),
  memory_limit_bytes: gauge('Memory the process can use before it ends: of the JavaScript heap, and in all (ours).', [
    'kind',
  ]),
  short_metrics_page_endpoints: gauge('Endpoints whose metrics are asked for alone, without the rest (ours).', []),
  scraper_restarts_total: counter('Times the scrape worker died and was started again (ours).', []),
  plugin_faults_total: counter('Times a plugin failed; what it does was missing for that request (ours).', [
    'plugin_type',
    'plugin_name',
  ]),
  endpoint_health_transitions_total: counter('Changes of endpoint health, by new state and reason (ours).', [
    'to',
    'reason',
  ]),
  endpoints_by_health: gauge('Endpoints of the pool by health (ours).', ['name', 'state']),
  frozen_metrics_endpoints: gauge('Endpoints whose metrics stand still though they should not (ours).', []),
  metrics_trials_total: counter('Picks of an endpoint to see whether its metrics are right (ours).', []),
  config_reload_total: counter('Changes of the configuration file, by result: success or failure (ours).', ['result']),
  config_generation: gauge('Configurations in force so far, the one at the start included (ours).', []),
  session_bindings: gauge('Sessions bound to an endpoint (ours).', PREFIX_LABELS),
  render_fallbacks_total: counter('Prompts estimated because their render server failed or is not asked (ours).', [
    'plugin_type',
    'plugin_name',
  ]),
  discovery_connected: gauge(
    '1 while changes of a kind of objects are followed, 0 while the last known ones are used (ours).',
    ['resource'],
  ),
  leader_election_is_leader: gauge('1 while this replica is the leader, 0 while it stands by (ours).', ['lease']),
  discovery_errors_total: counter('Requests to the API server that failed, by what for and why (ours).', [
    'resource',
    'reason',
  ]),
  config_reload_errors_total: counter('Reloads refused; the last good state stayed (ours).', ['file']),
} satisfies Record<string, Family>;

export type FamilyName = keyof typeof FAMILIES;

/** Prefix of every name. */
export const METRIC_PREFIX = 'llm_d_epp_';
/** The contract's start of every HELP text. */
export const HELP_PREFIX = '[ALPHA] ';

function counter(help: string, labels: readonly string[]): Family {
  return { type: 'counter', help, labels };
}

function gauge(help: string, labels: readonly string[]): Family {
  return { type: 'gauge', help, labels };
}

function histogram(help: string, labels: readonly string[], buckets: readonly number[]): Family {
  return { type: 'histogram', help, labels, buckets };
}
