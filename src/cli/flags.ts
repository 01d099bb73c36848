/** What a flag's text is read as. */
export type FlagType = 'string' | 'strings' | 'int' | 'ints' | 'bool' | 'duration' | 'bytes' | 'verbosity';

/**
 * What naming the flag does: it works; it is accepted for the sake of existing command lines and has no effect; or it
 * stops the start.
 */
export type FlagSupport = 'works' | 'inert' | 'removed';

export interface Flag {
  readonly name: string;
  readonly type: FlagType;
  /** As one would write it; empty for none. */
  readonly fallback: string;
  readonly support: FlagSupport;
  readonly group: 'Pool' | 'Configuration' | 'Servers' | 'Scheduling and metrics' | 'Logs and traces';
  /** One sentence. */
  readonly help: string;
  /** The only words a string flag takes. */
  readonly oneOf?: readonly string[];
}

const REMOVED_HELP = 'No longer taken; configure engineConfigs of core-metrics-extractor instead.';

/** The flags of `pointsman serve`. Source of names, types and defaults: contract 1.1. */
export const FLAGS = [
  flag(
    'Pool',
    'pool-name',
    'string',
    '',
    'works',
    'InferencePool to serve; with file discovery any name, "epp" by default.',
  ),
  flag(
    'Pool',
    'pool-namespace',
    'string',
    '',
    'works',
    'Namespace of the pool; by default $NAMESPACE, then "default".',
  ),
  flag('Pool', 'pool-group', 'string', 'inference.networking.k8s.io', 'works', 'API group of the pool.'),
  flag('Pool', 'endpoint-selector', 'string', '', 'works', 'Label selector of pods to serve without an InferencePool.'),
  flag('Pool', 'endpoint-target-ports', 'ints', '', 'works', 'Ports of selected pods, 1 to 8, comma-separated.'),
  flag('Pool', 'ha-enable-leader-election', 'bool', 'false', 'works', 'Let only the elected replica report ready.'),

  flag('Configuration', 'config-file', 'string', '', 'works', 'File with an EndpointPickerConfig, YAML or JSON.'),
  flag('Configuration', 'config-text', 'string', '', 'works', 'The EndpointPickerConfig itself.'),
  flag(
    'Configuration',
    'objects-file',
    'string',
    '',
    'works',
    'File with InferenceObjective and InferenceModelRewrite documents, followed (ours).',
  ),
  flag('Configuration', 'config-reload', 'bool', 'true', 'works', 'Follow changes of the configuration file (ours).'),
  flag('Configuration', 'allow-experimental-plugins', 'bool', 'false', 'works', 'Allow plugins of alpha stability.'),

  flag('Servers', 'grpc-port', 'int', '9002', 'works', 'Port of the ext_proc service.'),
  flag('Servers', 'grpc-health-port', 'int', '9003', 'works', 'Port of the health service, plain text.'),
  flag('Servers', 'metrics-port', 'int', '9090', 'works', 'Port of metrics and debugging, HTTP.'),
  flag('Servers', 'secure-serving', 'bool', 'true', 'works', 'Serve ext_proc over TLS.'),
  flag(
    'Servers',
    'cert-path',
    'string',
    '',
    'works',
    'Directory with tls.crt and tls.key; empty makes a self-signed pair.',
  ),
  flag('Servers', 'enable-cert-reload', 'bool', 'false', 'works', 'Reload the certificate when its files change.'),
  flag('Servers', 'tls-min-version', 'string', '', 'works', 'Lowest TLS version, VersionTLS10 to VersionTLS13.'),
  flag('Servers', 'tls-cipher-suites', 'strings', '', 'works', 'Cipher suites by their Go names, comma-separated.'),
  flag('Servers', 'health-checking', 'bool', 'false', 'works', 'Serve health on the ext_proc port too.'),
  flag(
    'Servers',
    'grpc-max-recv-msg-size',
    'bytes',
    '',
    'works',
    'Largest message taken, like 10MiB; empty means 4 MiB.',
  ),
  flag(
    'Servers',
    'grpc-max-send-msg-size',
    'bytes',
    '',
    'works',
    'Largest message sent, like 10MiB; empty means no limit.',
  ),
  flag(
    'Servers',
    'max-streams',
    'int',
    '0',
    'works',
    'Most requests under way at once; 0 means 50000, or fewer where memory is short (ours).',
  ),
  flag(
    'Servers',
    'max-held-body-bytes',
    'bytes',
    '',
    'works',
    'Most memory for request bodies, like 2GiB; empty means 1 GiB, or less where memory is short (ours).',
  ),
  flag(
    'Servers',
    'stream-idle-timeout',
    'duration',
    '1h',
    'works',
    'End a stream without a message for so long, longer than any answer keeps silent; 0s never (ours).',
  ),
  flag('Servers', 'drain-timeout', 'duration', '30s', 'works', 'How long to go on serving after SIGTERM.'),
  flag(
    'Servers',
    'warm-up',
    'duration',
    '500ms',
    'works',
    'How long to serve made-up requests before the ports open, so that code is compiled (ours).',
  ),
  flag(
    'Servers',
    'stream-drain-timeout',
    'duration',
    '90s',
    'works',
    'Longest wait after that for requests under way; what is left is cut off (ours).',
  ),
  flag('Servers', 'metrics-endpoint-auth', 'bool', 'true', 'works', 'Ask Kubernetes who may read metrics.'),
  flag(
    'Servers',
    'metrics-cert-dir',
    'string',
    '',
    'works',
    'Directory with tls.crt and tls.key for the metrics port.',
  ),
  flag('Servers', 'metrics-client-ca-file', 'string', '', 'works', 'CA of clients of the metrics port.'),
  flag('Servers', 'enable-pprof', 'bool', 'true', 'inert', 'Accepted; there is no Go profiler here.'),
  flag('Servers', 'enable-grpc-stream-metrics', 'bool', 'false', 'works', 'Count ext_proc streams in the metrics.'),

  flag(
    'Scheduling and metrics',
    'answer-deadline',
    'duration',
    '1s',
    'works',
    'Longest wait for data of a request, e.g. its tokens; then it is placed by what is known (ours).',
  ),
  flag(
    'Scheduling and metrics',
    'fallback-endpoints',
    'int',
    '2',
    'works',
    'Further endpoints named in each answer, 0 to 63 (ours).',
  ),
  flag(
    'Scheduling and metrics',
    'disable-endpoint-subset-filter',
    'bool',
    'false',
    'works',
    'Ignore the subset the proxy allows.',
  ),
  flag(
    'Scheduling and metrics',
    'emit-endpoint-scores',
    'bool',
    'false',
    'works',
    'Tell the proxy the score of each endpoint.',
  ),
  flag(
    'Scheduling and metrics',
    'refresh-metrics-interval',
    'duration',
    '50ms',
    'works',
    'Pause between scrapes of one endpoint, 50ms or more.',
  ),
  flag(
    'Scheduling and metrics',
    'refresh-prometheus-metrics-interval',
    'duration',
    '5s',
    'works',
    'How often the pool gauges are computed.',
  ),
  flag(
    'Scheduling and metrics',
    'metrics-staleness-threshold',
    'duration',
    '2s',
    'works',
    'Age from which a scrape no longer counts in pool gauges, nor in decisions.',
  ),
  flag(
    'Scheduling and metrics',
    'legacy-metrics',
    'bool',
    'true',
    'works',
    'Export metrics under their deprecated names too (ours).',
  ),
  removed('total-queued-requests-metric'),
  removed('total-running-requests-metric'),
  removed('kv-cache-usage-percentage-metric'),
  removed('lora-info-metric'),
  removed('cache-info-metric'),

  flag('Logs and traces', 'v', 'int', '2', 'works', 'Log verbosity: 0 to 3 info, 4 debug, 5 and more trace.'),
  flag(
    'Logs and traces',
    'zap-log-level',
    'verbosity',
    '',
    'works',
    'debug, info, error, panic or a number above 0; wins over -v.',
  ),
  flag('Logs and traces', 'zap-devel', 'bool', 'true', 'inert', 'Accepted; logs are JSON on stderr.'),
  flag('Logs and traces', 'zap-encoder', 'string', '', 'inert', 'Accepted; logs are JSON on stderr.', [
    '',
    'json',
    'console',
  ]),
  flag('Logs and traces', 'zap-stacktrace-level', 'string', '', 'inert', 'Accepted without effect.', [
    '',
    'info',
    'error',
    'panic',
  ]),
  flag('Logs and traces', 'zap-time-encoding', 'string', '', 'inert', 'Accepted without effect.', [
    '',
    'epoch',
    'millis',
    'nano',
    'iso8601',
    'rfc3339',
    'rfc3339nano',
  ]),
  flag(
    'Logs and traces',
    'tracing',
    'bool',
    'true',
    'works',
    'Send OpenTelemetry traces, if OTEL_TRACES_EXPORTER or an OTLP endpoint is set.',
  ),
] as const satisfies readonly Flag[];

export type FlagName = (typeof FLAGS)[number]['name'];

function flag<N extends string, T extends FlagType>(
  group: Flag['group'],
  name: N,
  type: T,
  fallback: string,
  support: FlagSupport,
  help: string,
  oneOf?: readonly string[],
): Flag & { readonly name: N; readonly type: T } {
  return { group, name, type, fallback, support, help, ...(oneOf && { oneOf }) };
}

function removed<N extends string>(name: N): Flag & { readonly name: N; readonly type: 'string' } {
  return flag('Scheduling and metrics', name, 'string', '', 'removed', REMOVED_HELP);
}
