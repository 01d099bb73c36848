import { ISTIO_RETRY_ON, buildEnvoyBootstrap } from '../../src/gateway/envoy-bootstrap.ts';
import { type EmbeddedGateway, startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import { findEnvoy } from '../../src/gateway/envoy-binary.ts';
import { type EnvoyGateway, startEnvoy } from '../../src/gateway/envoy-process.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { type Backend, startBackend } from './backend.ts';

/** What a rig needs of a picker. */
export interface RigPicker {
  readonly grpcPort: number;
  readonly table: EndpointTable;
  stop(): Promise<void>;
}

export type StartRigPicker = (ports: readonly number[], secure: boolean) => Promise<RigPicker>;

export interface RigGateway extends Gateway {
  /** How often the gateway did not like what the picker said; all must be 0. */
  complaints(): Promise<Record<string, number>>;
  /** Envoy's counters and gauges by prefix. */
  stats?(prefix: string): Promise<Map<string, number>>;
}

export type StartRigGateway = (ports: readonly number[], pickerPort: number, secure: boolean) => Promise<RigGateway>;

/** Model servers, a picker and a gateway in a row. */
export interface Rig {
  readonly url: string;
  readonly backends: readonly Backend[];
  readonly picker: RigPicker;
  readonly gateway: RigGateway;
  stop(): Promise<void>;
}

export interface RigOptions {
  readonly backends: number;
  readonly secure?: boolean;
  readonly startPicker: StartRigPicker;
  readonly startGateway: StartRigGateway;
}

export async function startRig({ backends: count, secure = true, ...start }: RigOptions): Promise<Rig> {
  const backends = await Promise.all(Array.from({ length: count }, startBackend));
  const ports = backends.map(({ port }) => port);
  const picker = await start.startPicker(ports, secure);
  const gateway = await start.startGateway(ports, picker.grpcPort, secure);
  return {
    url: gateway.url,
    backends,
    picker,
    gateway,
    async stop() {
      await gateway.stop();
      await picker.stop();
      await Promise.all(backends.map((backend) => backend.die()));
    },
  };
}

/** Envoy, with Istio's retry policy unless told otherwise. */
export function envoyWith(retryOn: string = ISTIO_RETRY_ON): StartRigGateway {
  return async (ports, pickerPort, secure) => {
    const config = buildEnvoyBootstrap({
      gatewayPort: 0,
      adminPort: 0,
      endpoints: ports.map((port) => ({ address: '127.0.0.1', port })),
      picker: { address: '127.0.0.1', port: pickerPort, tls: secure },
      retryOn,
    });
    const envoy = await startEnvoy({ binary: await findEnvoy(), config });
    return { ...envoy, complaints: () => envoyComplaints(envoy) };
  };
}

/** The counters of Envoy that tell of a picker it did not like. */
export async function envoyComplaints(envoy: EnvoyGateway): Promise<Record<string, number>> {
  const stats = await envoy.stats('http.gw.ext_proc.');
  const named = ['rejected_header_mutations', 'spurious_msgs_received', 'streams_failed', 'message_timeouts'];
  return Object.fromEntries(named.map((name) => [name, stats.get(`http.gw.ext_proc.${name}`) ?? Number.NaN]));
}

export const embedded: StartRigGateway = async (_ports, pickerPort, secure) => {
  const gateway: EmbeddedGateway = await startEmbeddedGateway({
    picker: { address: '127.0.0.1', port: pickerPort, tls: secure },
  });
  const { stats, ...rest } = gateway;
  return {
    ...rest,
    complaints: () => {
      const { rejectedHeaderMutations, spuriousMessages, streamsFailed } = stats();
      return Promise.resolve({ rejectedHeaderMutations, spuriousMessages, streamsFailed });
    },
  };
};
