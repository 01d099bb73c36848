import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { type GatewayChoice, startGateway } from '../gateway/start-gateway.ts';
import type { DemoPicker, StartPicker } from './picker-handle.ts';
import type { DemoServer, StartServer } from './servers.ts';

const SCRAPED_WITHIN_MS = 15_000;

export interface StageOptions {
  readonly servers: number;
  readonly seed: number;
  readonly gateway: GatewayChoice;
  readonly secure: boolean;
}

export interface StageParts {
  readonly startPicker: StartPicker;
  readonly startServer: StartServer;
  readonly signal: AbortSignal;
  /** Told what is being done. */
  readonly report: (line: string) => void;
}

/** Everything the demo runs on. */
export interface Stage {
  readonly servers: readonly DemoServer[];
  readonly picker: DemoPicker;
  readonly gateway: Gateway;
  /** `host:port` as the picker names it -> server. */
  readonly byHostPort: ReadonlyMap<string, DemoServer>;
}

/**
 * Starts servers, picker and gateway, in this order, and puts their ends on `stack`, so that they stop the other way
 * round. Resolves once the picker has seen every server.
 */
export async function setStage(options: StageOptions, parts: StageParts, stack: AsyncDisposableStack): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const servers: DemoServer[] = [];
  for (let index = 0; index < options.servers; index++) {
    const server = await parts.startServer({ name: `vllm-${index + 1}`, seed: options.seed + index });
    stack.defer(() => server.close());
    servers.push(server);
  }
  parts.report(`servers   ${servers.map(({ name, port }) => `${name} 127.0.0.1:${port}`).join(', ')} (simulated)`);
  const endpointsFile = join(folder, 'endpoints.yaml');
  await writeFile(endpointsFile, endpointsYaml(servers));
  const configText = pickerConfig(endpointsFile);
  const picker = await parts.startPicker({ configText, secure: options.secure, seed: options.seed });
  stack.defer(() => picker.stop());
  parts.report(
    `picker    127.0.0.1:${picker.grpcPort} (${options.secure ? 'TLS' : 'cleartext'}), metrics http://127.0.0.1:${picker.metricsPort}/metrics`,
  );
  const gateway = await startGateway({
    choice: options.gateway,
    endpoints: servers.map(({ port }) => ({ address: '127.0.0.1', port })),
    picker: { address: '127.0.0.1', port: picker.grpcPort, tls: options.secure },
    report: parts.report,
    signal: parts.signal,
  });
  stack.defer(() => gateway.stop());
  parts.report(`gateway   ${gateway.url} (${gateway.kind})`);
  await allScraped(picker.table, options.servers);
  return {
    servers,
    picker,
    gateway,
    byHostPort: new Map(servers.map((server) => [`127.0.0.1:${server.port}`, server])),
  };
}

/** JSON is YAML, and quotes itself. Ports are strings in this format. */
function endpointsYaml(servers: readonly DemoServer[]): string {
  const endpoints = servers.map(({ name, port }) => ({ name, address: '127.0.0.1', port: String(port) }));
  return JSON.stringify({ endpoints });
}

/** The default plugins and weights, with a pool read from a file. */
function pickerConfig(endpointsFile: string): string {
  return JSON.stringify({
    apiVersion: 'inference.networking.x-k8s.io/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { name: 'file', type: 'file-discovery', parameters: { path: endpointsFile } },
      { type: 'queue-scorer' },
      { type: 'kv-cache-utilization-scorer' },
      { type: 'prefix-cache-scorer' },
      { type: 'max-score-picker' },
    ],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: [
          { pluginRef: 'queue-scorer', weight: 2 },
          { pluginRef: 'kv-cache-utilization-scorer', weight: 2 },
          { pluginRef: 'prefix-cache-scorer', weight: 3 },
          { pluginRef: 'max-score-picker' },
        ],
      },
    ],
    dataLayer: { discovery: { pluginRef: 'file' } },
  });
}

async function allScraped(table: EndpointTable, servers: number): Promise<void> {
  const deadlineMs = performance.now() + SCRAPED_WITHIN_MS;
  while (table.all.length < servers || table.all.some((slot) => table.signals.scrapes[slot] === 0)) {
    if (performance.now() > deadlineMs) throw new Error('the picker has not seen all servers in time');
    await delay(20);
  }
}
