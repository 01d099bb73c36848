/** Istio's mesh-default HTTP retry policy (`retryOn`), as istiod writes it into every route. */
export const ISTIO_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

/**
 * The same plus `reset`: also retry a request whose server died before any response header. An Istio user sets it
 * with `meshConfig.defaultHttpRetryPolicy.retryOn` or a VirtualService's `retries.retryOn`.
 */
export const RETRY_ON_RESET = `${ISTIO_RETRY_ON},reset`;

/** What Istio calls the picker's cluster. Envoy sends it as `:authority`, so `|` must never be a surprise to us. */
export const PICKER_CLUSTER = 'outbound|9002||epp.default.svc.cluster.local';

const POOL_CLUSTER = 'outbound|54321||pool-ip-00000000.default.svc.cluster.local';
const UNLIMITED = 4_294_967_295;
const TYPE = 'type.googleapis.com/envoy';
const EXT_PROC = 'envoy.filters.http.ext_proc';

/** Where something listens. */
export interface SocketAddress {
  /** IP literal. */
  readonly address: string;
  readonly port: number;
}

/** The picker's gRPC port, and whether it speaks TLS there. */
export type PickerAddress = SocketAddress & { readonly tls: boolean };

export interface EnvoyBootstrapOptions {
  /** Port clients connect to; 0 takes a free one. */
  readonly gatewayPort: number;
  /** Port of Envoy's admin interface; 0 takes a free one. */
  readonly adminPort: number;
  /** The pool. It must list what the picker lists: an address Envoy lacks is silently replaced by round robin. */
  readonly endpoints: readonly SocketAddress[];
  /** Absent: nobody is asked, and the pool's servers take turns. */
  readonly picker?: PickerAddress;
  /** A file with what `pickerAddresses` returns, which Envoy follows in place of the picker's address and port. */
  readonly pickerFile?: string;
  /** Whether requests go on without the picker when it fails; default false, like `failureMode: FailClose`. */
  readonly failureModeAllow?: boolean;
  /** Default 10,000, as in Istio. */
  readonly connectTimeoutMs?: number;
  /** Envoy's `retry_on`; default `ISTIO_RETRY_ON`. */
  readonly retryOn?: string;
  /** Only to measure what the `|` in Istio's name costs. */
  readonly pickerClusterName?: string;
}

/** A JSON object of Envoy's configuration. */
export type EnvoyConfig = Readonly<Record<string, unknown>>;

/**
 * A static bootstrap equivalent to what istiod generates for a gateway with one inference pool: the picker's cluster
 * name as authority, override_host over `envoy.lb` metadata, two retries, bodies FULL_DUPLEX_STREAMED both ways.
 */
export function buildEnvoyBootstrap(options: EnvoyBootstrapOptions): EnvoyConfig {
  return {
    // Envoy follows no file without them.
    node: { id: 'gateway', cluster: 'gateway' },
    admin: { address: socketAddress({ address: '127.0.0.1', port: options.adminPort }) },
    static_resources: {
      listeners: [
        {
          name: 'gateway',
          address: socketAddress({ address: '127.0.0.1', port: options.gatewayPort }),
          filter_chains: [{ filters: [connectionManager(options)] }],
        },
      ],
      clusters: [
        poolCluster(options),
        ...(options.picker === undefined ? [] : [pickerCluster(options, options.picker)]),
      ],
    },
  };
}

function connectionManager(options: EnvoyBootstrapOptions): EnvoyConfig {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'gw',
      codec_type: 'AUTO',
      use_remote_address: true,
      generate_request_id: true,
      normalize_path: true,
      path_with_escaped_slashes_action: 'KEEP_UNCHANGED',
      request_timeout: '0s',
      stream_idle_timeout: '0s',
      http2_protocol_options: {},
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      route_config: {
        name: 'http.80',
        virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route(options)] }],
      },
      http_filters: [
        idleExtProcFilter(),
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
        },
      ],
    },
  };
}

/** The filter as Istio puts it on a listener: it does nothing until a route overrides it. */
function idleExtProcFilter(): EnvoyConfig {
  return {
    name: EXT_PROC,
    typed_config: {
      '@type': `${TYPE}.extensions.filters.http.ext_proc.v3.ExternalProcessor`,
      failure_mode_allow: true,
      grpc_service: { timeout: '10s', envoy_grpc: { cluster_name: 'dummy' } },
      message_timeout: '1000s',
      metadata_options: {
        forwarding_namespaces: { untyped: ['envoy.lb'] },
        receiving_namespaces: { untyped: ['envoy.lb'] },
      },
      processing_mode: { request_header_mode: 'SKIP', response_header_mode: 'SKIP' },
    },
  };
}

function route(options: EnvoyBootstrapOptions): EnvoyConfig {
  return {
    match: { prefix: '/' },
    route: {
      cluster: POOL_CLUSTER,
      timeout: '0s',
      retry_policy: {
        retry_on: options.retryOn ?? ISTIO_RETRY_ON,
        num_retries: 2,
        host_selection_retry_max_attempts: 5,
        retry_host_predicate: [
          {
            name: 'envoy.retry_host_predicates.previous_hosts',
            typed_config: { '@type': `${TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
          },
        ],
      },
    },
    typed_per_filter_config: options.picker === undefined ? {} : askThePicker(options),
  };
}

function askThePicker(options: EnvoyBootstrapOptions): EnvoyConfig {
  return {
    [EXT_PROC]: {
      '@type': `${TYPE}.extensions.filters.http.ext_proc.v3.ExtProcPerRoute`,
      overrides: {
        failure_mode_allow: options.failureModeAllow ?? false,
        grpc_service: { envoy_grpc: { cluster_name: pickerClusterName(options) } },
        processing_mode: {
          request_header_mode: 'SEND',
          request_body_mode: 'FULL_DUPLEX_STREAMED',
          request_trailer_mode: 'SEND',
          response_header_mode: 'SEND',
          response_body_mode: 'FULL_DUPLEX_STREAMED',
          response_trailer_mode: 'SEND',
        },
      },
    },
  };
}

function poolCluster(options: EnvoyBootstrapOptions): EnvoyConfig {
  const policy = (name: string, config: EnvoyConfig): EnvoyConfig => ({
    policies: [{ typed_extension_config: { name: `envoy.load_balancing_policies.${name}`, typed_config: config } }],
  });
  return {
    name: POOL_CLUSTER,
    connect_timeout: connectTimeout(options),
    type: 'STATIC',
    load_balancing_policy: policy('override_host', {
      '@type': `${TYPE}.extensions.load_balancing_policies.override_host.v3.OverrideHost`,
      override_host_sources: [{ metadata: lbMetadata('x-gateway-destination-endpoint') }],
      selected_host_key: lbMetadata('x-gateway-destination-endpoint-served'),
      fallback_policy: policy('round_robin', {
        '@type': `${TYPE}.extensions.load_balancing_policies.round_robin.v3.RoundRobin`,
      }),
    }),
    circuit_breakers: thresholds(UNLIMITED),
    load_assignment: loadAssignment(POOL_CLUSTER, options.endpoints),
  };
}

function pickerCluster(options: EnvoyBootstrapOptions, picker: PickerAddress): EnvoyConfig {
  const name = pickerClusterName(options);
  const tls = {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
      // No validation context: the DestinationRule says insecureSkipVerify, the picker's certificate is self-signed.
      common_tls_context: { alpn_protocols: ['h2'] },
    },
  };
  return {
    name,
    connect_timeout: connectTimeout(options),
    ...pickerMembers(options, picker),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
        common_http_protocol_options: { max_requests_per_connection: 256_000 },
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    circuit_breakers: thresholds(256_000),
    ...(picker.tls ? { transport_socket: tls } : {}),
  };
}

function pickerMembers(options: EnvoyBootstrapOptions, picker: PickerAddress): EnvoyConfig {
  const { pickerFile } = options;
  if (pickerFile === undefined) {
    return { type: 'STATIC', load_assignment: loadAssignment(pickerClusterName(options), [picker]) };
  }
  return { type: 'EDS', eds_cluster_config: { eds_config: { path_config_source: { path: pickerFile } } } };
}

/**
 * Where pickers are ready, for `pickerFile`. Envoy reads it anew when another file is moved to its place, as it hears
 * of pods that come and go from istiod.
 */
export function pickerAddresses(pickers: readonly SocketAddress[]): EnvoyConfig {
  const type = `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`;
  return { resources: [{ '@type': type, ...loadAssignment(PICKER_CLUSTER, pickers) }] };
}

function lbMetadata(key: string): EnvoyConfig {
  return { key: 'envoy.lb', path: [{ key }] };
}

function pickerClusterName(options: EnvoyBootstrapOptions): string {
  return options.pickerClusterName ?? PICKER_CLUSTER;
}

function connectTimeout(options: EnvoyBootstrapOptions): string {
  return `${(options.connectTimeoutMs ?? 10_000) / 1000}s`;
}

function thresholds(limit: number): EnvoyConfig {
  return {
    thresholds: [{ max_connections: limit, max_pending_requests: limit, max_requests: limit, max_retries: UNLIMITED }],
  };
}

function loadAssignment(cluster: string, endpoints: readonly SocketAddress[]): EnvoyConfig {
  return {
    cluster_name: cluster,
    endpoints: [{ lb_endpoints: endpoints.map((at) => ({ endpoint: { address: socketAddress(at) } })) }],
  };
}

function socketAddress(at: SocketAddress): EnvoyConfig {
  return { socket_address: { address: at.address, port_value: at.port } };
}
