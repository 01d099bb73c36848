import { describe, expect, it } from 'vitest';
import { buildEnvoyBootstrap, type EnvoyBootstrapOptions, PICKER_CLUSTER, pickerAddresses } from './envoy-bootstrap.ts';

const PICKER = { address: '127.0.0.1', port: 9002, tls: true };
const OPTIONS: EnvoyBootstrapOptions = {
  gatewayPort: 8081,
  adminPort: 19_000,
  endpoints: [
    { address: '127.0.0.1', port: 18_000 },
    { address: '::1', port: 18_001 },
  ],
  picker: PICKER,
};

/** Every value under `key`, anywhere. */
function all(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [...(name === key ? [inner] : []), ...all(inner, key)]);
}

describe('the Envoy bootstrap', () => {
  it("names the picker's cluster as Istio does and sets no authority", () => {
    const config = buildEnvoyBootstrap(OPTIONS);
    expect(PICKER_CLUSTER).toBe('outbound|9002||epp.default.svc.cluster.local');
    expect(all(config, 'envoy_grpc')).toEqual([{ cluster_name: PICKER_CLUSTER }, { cluster_name: 'dummy' }]);
    expect(all(config, 'authority')).toEqual([]);
  });

  it('streams bodies both ways in full duplex on the route only', () => {
    expect(all(buildEnvoyBootstrap(OPTIONS), 'processing_mode')).toEqual([
      {
        request_header_mode: 'SEND',
        request_body_mode: 'FULL_DUPLEX_STREAMED',
        request_trailer_mode: 'SEND',
        response_header_mode: 'SEND',
        response_body_mode: 'FULL_DUPLEX_STREAMED',
        response_trailer_mode: 'SEND',
      },
      { request_header_mode: 'SKIP', response_header_mode: 'SKIP' },
    ]);
  });

  it('walks the list in the metadata and tells who served, with two retries', () => {
    const config = buildEnvoyBootstrap(OPTIONS);
    const key = (name: string): object => ({ key: 'envoy.lb', path: [{ key: name }] });
    expect(all(config, 'override_host_sources')).toEqual([[{ metadata: key('x-gateway-destination-endpoint') }]]);
    expect(all(config, 'selected_host_key')).toEqual([key('x-gateway-destination-endpoint-served')]);
    expect(all(config, 'num_retries')).toEqual([2]);
    expect(all(config, 'retry_on')).toEqual([
      'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
    ]);
    expect(all(config, 'metadata_options')).toEqual([
      { forwarding_namespaces: { untyped: ['envoy.lb'] }, receiving_namespaces: { untyped: ['envoy.lb'] } },
    ]);
  });

  it('lists every address', () => {
    expect(all(buildEnvoyBootstrap(OPTIONS), 'socket_address')).toEqual([
      { address: '127.0.0.1', port_value: 19_000 },
      { address: '127.0.0.1', port_value: 8081 },
      { address: '127.0.0.1', port_value: 18_000 },
      { address: '::1', port_value: 18_001 },
      { address: '127.0.0.1', port_value: 9002 },
    ]);
  });

  it('speaks TLS to the picker unless that serves cleartext', () => {
    const cleartext = { ...OPTIONS, picker: { ...PICKER, tls: false } };
    expect(all(buildEnvoyBootstrap(OPTIONS), 'alpn_protocols')).toEqual([['h2']]);
    expect(all(buildEnvoyBootstrap(cleartext), 'transport_socket')).toEqual([]);
  });

  it('follows a file of pickers instead of their address', () => {
    const config = buildEnvoyBootstrap({ ...OPTIONS, pickerFile: '/run/pickers.json' });
    expect(all(config, 'path')).toContain('/run/pickers.json');
    expect(all(config, 'type')).toEqual(['STATIC', 'EDS']);
    expect(all(config, 'port_value')).not.toContain(PICKER.port);
    const file = pickerAddresses([PICKER, { address: '::1', port: 9003 }]);
    expect(all(file, 'cluster_name')).toEqual([PICKER_CLUSTER]);
    expect(all(file, 'port_value')).toEqual([9002, 9003]);
  });

  it('goes round robin without a picker', () => {
    const { picker: _picker, ...alone } = OPTIONS;
    const config = buildEnvoyBootstrap(alone);
    expect(all(config, 'overrides')).toEqual([]);
    expect(all(config, 'processing_mode')).toEqual([{ request_header_mode: 'SKIP', response_header_mode: 'SKIP' }]);
    expect(all(config, 'name')).toContain('envoy.load_balancing_policies.round_robin');
    expect(JSON.stringify(config)).not.toContain(PICKER_CLUSTER);
  });

  it('takes what is asked for', () => {
    const config = buildEnvoyBootstrap({
      ...OPTIONS,
      failureModeAllow: true,
      connectTimeoutMs: 250,
      retryOn: 'reset',
      pickerClusterName: 'epp',
    });
    expect(all(config, 'failure_mode_allow')).toEqual([true, true]);
    expect(all(config, 'connect_timeout')).toEqual(['0.25s', '0.25s']);
    expect(all(config, 'retry_on')).toEqual(['reset']);
    expect(all(config, 'cluster_name')).toContain('epp');
    expect(JSON.stringify(config)).not.toContain(PICKER_CLUSTER);
  });
});
