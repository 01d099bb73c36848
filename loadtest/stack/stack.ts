import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { findEnvoy } from '../../src/gateway/envoy-binary.ts';
import { RETRY_ON_RESET } from '../../src/gateway/envoy-bootstrap.ts';
import { GatewayProcess } from './gateway-process.ts';
import { PickerProcess } from './picker-process.ts';
import { ServerProcess } from './server-process.ts';

export interface StackOptions {
  readonly servers: number;
  /** Further flags of `pointsman simulate`. */
  readonly serverFlags: readonly string[];
  /** An `EndpointPickerConfig` with a `file-discovery` plugin; its path is set here. */
  readonly configFile: string;
  /** Further flags of `pointsman serve`. */
  readonly pickerFlags?: readonly string[] | undefined;
  /** Whether the picker's heap can be looked at; off by default. */
  readonly inspectPicker?: boolean | undefined;
  /** Whether there is also an Envoy without a picker, which goes round robin. */
  readonly control: boolean;
  /** Where the parts write their logs. */
  readonly logFolder: string;
  readonly report: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Simulated servers, the picker and Envoy, each a process, on loopback. */
export interface Stack {
  readonly servers: readonly ServerProcess[];
  readonly picker: PickerProcess;
  readonly gateway: GatewayProcess;
  readonly control: GatewayProcess | undefined;
  /** Makes the picker's pool these servers. */
  setEndpoints(servers: readonly ServerProcess[]): Promise<void>;
}

/**
 * Starts servers, picker and Envoy and puts their ends on `parts`, so that they stop the other way round. Resolves
 * once the picker has scraped every server. Rejects when a part does not start; what had started is on `parts`.
 */
export async function startStack(options: StackOptions, parts: AsyncDisposableStack): Promise<Stack> {
  const { logFolder, report, pickerFlags: flags, inspectPicker: inspect } = options;
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-load-'));
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  const endpointsFile = join(folder, 'endpoints.yaml');
  const configFile = join(folder, 'picker.yaml');
  await writeFile(configFile, pickerConfig(await readFile(options.configFile, 'utf8'), endpointsFile));
  const binary = await findEnvoy({ onProgress: report, signal: options.signal });

  const servers = await startServers(options, parts);
  report(`servers  ${servers.map(({ name, port }) => `${name} :${port}`).join(', ')} (simulated)`);
  const setEndpoints = (pool: readonly ServerProcess[]): Promise<void> => writeEndpoints(endpointsFile, pool);
  await setEndpoints(servers);
  const picker = await PickerProcess.start({ configFile, logFolder, flags, inspect });
  parts.defer(() => picker.stop());
  report(`picker   127.0.0.1:${picker.grpcPort} (TLS), metrics http://127.0.0.1:${picker.metricsPort}/metrics`);

  const endpoints = servers.map(({ port }) => ({ address: '127.0.0.1', port }));
  const common = { endpoints, retryOn: RETRY_ON_RESET };
  const pickerFile = join(folder, 'pickers.json');
  const asking = { ...common, pickerFile, picker: { address: '127.0.0.1', port: picker.grpcPort, tls: true } };
  const gateway = await GatewayProcess.start(binary, asking);
  parts.defer(() => gateway.stop());
  report(`gateway  ${gateway.url} (Envoy)`);
  const control = options.control ? await GatewayProcess.start(binary, common) : undefined;
  if (control !== undefined) {
    parts.defer(() => control.stop());
    report(`control  ${control.url} (Envoy without a picker: round robin)`);
  }
  await picker.scraped(servers.length);
  return { servers, picker, gateway, control, setEndpoints };
}

async function startServers(options: StackOptions, parts: AsyncDisposableStack): Promise<readonly ServerProcess[]> {
  const started = await Promise.allSettled(
    Array.from({ length: options.servers }, async (_, index) => {
      const server = await ServerProcess.start(`sim-${index}`, options.logFolder, options.serverFlags);
      parts.defer(() => server.stop());
      return server;
    }),
  );
  return started.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** `text` with its `file-discovery` plugin reading `endpointsFile`. Throws when there is none. */
export function pickerConfig(text: string, endpointsFile: string): string {
  const config = parse(text) as { plugins?: { type?: string; parameters?: object }[] };
  const discovery = config.plugins?.find(({ type }) => type === 'file-discovery');
  if (discovery === undefined) throw new Error('the picker configuration has no file-discovery plugin');
  discovery.parameters = { ...discovery.parameters, path: endpointsFile, watchFile: true };
  return stringify(config);
}

/** Replaced as a whole, so that the picker never reads half of it. */
async function writeEndpoints(file: string, servers: readonly ServerProcess[]): Promise<void> {
  const endpoints = servers.map(({ name, port }) => ({ name, address: '127.0.0.1', port: String(port) }));
  await writeFile(`${file}.new`, JSON.stringify({ endpoints }));
  await rename(`${file}.new`, file);
}
