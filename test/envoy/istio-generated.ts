import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEnvoy } from '../../src/gateway/envoy-binary.ts';
import { buildEnvoyBootstrap, type EnvoyConfig, type SocketAddress } from '../../src/gateway/envoy-bootstrap.ts';
import { startEnvoy } from '../../src/gateway/envoy-process.ts';
import eppCluster from '../fixtures/istio/generated-epp-cluster.json' with { type: 'json' };
import httpFilters from '../fixtures/istio/generated-http-filters.json' with { type: 'json' };
import poolCluster from '../fixtures/istio/generated-pool-cluster.json' with { type: 'json' };
import poolEndpoints from '../fixtures/istio/generated-pool-endpoints.json' with { type: 'json' };
import route from '../fixtures/istio/generated-route.json' with { type: 'json' };
import { eventually } from '../kit/eventually.ts';
import { envoyComplaints, type RigGateway } from './rig.ts';

/** What the generated route says about the picker: its cluster, whose name is the authority of every stream to it. */
export const EPP_CALL = route.typed_per_filter_config['envoy.filters.http.ext_proc'].overrides.grpc_service;

/** Where Envoy counts what it sends to the picker. */
export const EPP_STATS = `cluster.${eppCluster.alt_stat_name}.`;

/** Envoy run on what istiod generated. */
export interface IstioGateway extends RigGateway {
  /** Tells Envoy what istiod would after a change of the pods; resolves when Envoy has taken it. */
  setEndpoints(endpoints: readonly PoolEndpoint[]): Promise<void>;
}

/** A model server as istiod tells Envoy of it. */
export interface PoolEndpoint extends SocketAddress {
  /** UNHEALTHY is what becomes of a pod that is not Ready. */
  readonly health?: 'HEALTHY' | 'UNHEALTHY';
}

export interface IstioGatewayOptions {
  readonly endpoints: readonly PoolEndpoint[];
  readonly pickerPort: number;
  /** Default: what the fixture says, FailClose. */
  readonly failureModeAllow?: boolean;
}

/**
 * Starts Envoy with the filters, the route and the two clusters that istiod generated, unchanged but for where the
 * addresses come from: files in the place of istiod's own discovery service.
 */
export async function startIstioGateway(options: IstioGatewayOptions): Promise<IstioGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-eds-'));
  const write = (name: string, assignment: EnvoyConfig, version: number): void => {
    const file = join(folder, name);
    writeFileSync(`${file}.new`, JSON.stringify({ version_info: String(version), resources: [assignment] }));
    // Envoy watches for the rename.
    renameSync(`${file}.new`, file);
  };
  const picker = { address: '127.0.0.1', port: options.pickerPort };
  write('pool.json', assignmentOf(poolCluster.name, options.endpoints), 1);
  write('picker.json', assignmentOf(eppCluster.name, [picker]), 1);
  try {
    const envoy = await startEnvoy({ binary: await findEnvoy(), config: bootstrap(folder, options) });
    const updates = async (): Promise<number | undefined> => {
      const name = `cluster.${poolCluster.alt_stat_name}.update_success`;
      return (await envoy.stats(name)).get(name);
    };
    let version = 1;
    return {
      ...envoy,
      complaints: () => envoyComplaints(envoy),
      async setEndpoints(endpoints) {
        const before = await updates();
        write('pool.json', assignmentOf(poolCluster.name, endpoints), ++version);
        await eventually('Envoy has the endpoints', async () => (await updates()) !== before);
      },
      async stop() {
        await envoy.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function bootstrap(folder: string, options: IstioGatewayOptions): EnvoyConfig {
  const ours = buildEnvoyBootstrap({ gatewayPort: 0, adminPort: 0, endpoints: [], picker: NOWHERE });
  const generatedRoute = structuredClone(route);
  const { overrides } = generatedRoute.typed_per_filter_config['envoy.filters.http.ext_proc'];
  overrides.failure_mode_allow = options.failureModeAllow ?? overrides.failure_mode_allow;
  const text = JSON.stringify(ours, (key, value: unknown) => {
    if (key === 'routes') return [generatedRoute];
    if (key === 'http_filters') return httpFilters;
    if (key === 'clusters')
      return [fromFile(poolCluster, folder, 'pool.json'), fromFile(eppCluster, folder, 'picker.json')];
    return value;
  });
  // Envoy wants to know who it is before it takes endpoints from anywhere.
  return { node: { id: 'gateway', cluster: 'gateway' }, ...(JSON.parse(text) as EnvoyConfig) };
}

const NOWHERE = { address: '127.0.0.1', port: 0, tls: true };

type GeneratedCluster = typeof poolCluster | typeof eppCluster;

function fromFile(cluster: GeneratedCluster, folder: string, file: string): EnvoyConfig {
  const { ads: _ads, ...config } = cluster.eds_cluster_config.eds_config;
  const path_config_source = { path: join(folder, file), watched_directory: { path: folder } };
  const { '@type': _type, ...rest } = cluster;
  return {
    ...rest,
    eds_cluster_config: { ...cluster.eds_cluster_config, eds_config: { ...config, path_config_source } },
  };
}

/** The generated assignment with other addresses. */
function assignmentOf(cluster: string, endpoints: readonly PoolEndpoint[]): EnvoyConfig {
  const [locality] = poolEndpoints.endpoints;
  const [template] = locality.lb_endpoints;
  return {
    ...poolEndpoints,
    cluster_name: cluster,
    endpoints: [
      {
        ...locality,
        load_balancing_weight: Math.max(endpoints.length, 1),
        lb_endpoints: endpoints.map(({ address, port, health = 'HEALTHY' }) => ({
          ...template,
          health_status: health,
          endpoint: { ...template.endpoint, address: { socket_address: { address, port_value: port } } },
        })),
      },
    ],
  };
}
