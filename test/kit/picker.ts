import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CATALOG } from '../../src/app/catalog.ts';
import { type RunningPicker, startPicker } from '../../src/app/picker.ts';
import type { PickerSettings } from '../../src/app/settings.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import type { Catalog } from '../../src/config/resolved.ts';
import { createLog, type Logger } from '../../src/telemetry/log.ts';
import { eventually } from './eventually.ts';

/** A real picker on free loopback ports with a pool from a file in a temporary folder. */
export interface TestPicker extends RunningPicker {
  /** Rewrites the endpoints file by an atomic rename; the picker follows it. */
  writeEndpoints(text: string): Promise<void>;
  /** The same for the configuration file; a text is written as it is. */
  writeConfig(change: string | ((endpointsPath: string) => object)): Promise<void>;
  /** Resolves once every endpoint of the table was scraped. */
  scraped(): Promise<void>;
  /** What `/metrics` serves, a line each. */
  metrics(): Promise<string[]>;
  /** The log so far, parsed. */
  readonly logged: readonly Record<string, unknown>[];
}

export const TEST_SETTINGS: PickerSettings = {
  host: '127.0.0.1',
  grpcPort: 0,
  healthPort: 0,
  metricsPort: 0,
  secure: false,
  certPath: undefined,
  healthOnGrpcPort: false,
  maxReceiveBytes: undefined,
  maxSendBytes: undefined,
  poolName: 'test',
  refreshMetricsIntervalMs: 50,
  refreshPoolGaugesIntervalMs: 50,
  metricsStalenessThresholdMs: 2_000,
  drainTimeoutMs: 0,
  fallbackEndpoints: 2,
  answerDeadlineMs: 1000,
  obeySubset: true,
  seed: 1,
};

/** The endpoints file for loopback servers at `ports`. */
export function endpointsText(
  ports: readonly number[],
  labels: (index: number) => Record<string, string> = () => ({}),
): string {
  return JSON.stringify({
    endpoints: ports.map((port, index) => ({
      name: `pod-${index}`,
      address: '127.0.0.1',
      port: String(port),
      labels: labels(index),
    })),
  });
}

/** What a test picker runs, where that is not the usual. */
export interface TestConfig {
  /** The configuration, given the path of the endpoints file. */
  readonly config?: (endpointsPath: string) => object;
  readonly catalog?: Catalog;
}

export async function startTestPicker(
  endpoints: string | readonly number[],
  changes: Partial<PickerSettings> = {},
  { config: configOf = defaultConfig, catalog = CATALOG }: TestConfig = {},
): Promise<TestPicker> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
  const path = join(folder, 'endpoints.yaml');
  await writeFile(path, typeof endpoints === 'string' ? endpoints : endpointsText(endpoints));
  const { log, logged } = memoryLog();
  try {
    const file = join(folder, 'picker.yaml');
    const text = JSON.stringify(configOf(path));
    await writeFile(file, text);
    const config = resolveConfig(text, { catalog, allowExperimental: true, source: file });
    const configFile = { file, text, allowExperimental: true };
    const picker = await startPicker(config, { ...TEST_SETTINGS, configFile, ...changes }, log);
    return {
      ...picker,
      logged,
      writeEndpoints: (content) => replaceFile(path, content),
      writeConfig: (change) => replaceFile(file, typeof change === 'string' ? change : JSON.stringify(change(path))),
      scraped: () =>
        eventually('every endpoint was scraped', () =>
          picker.table.all.every((slot) => picker.table.signals.scrapes[slot] > 0),
        ),
      metrics: async () => (await (await fetch(`http://127.0.0.1:${picker.metricsPort}/metrics`)).text()).split('\n'),
      async stop(hurry) {
        await picker.stop(hurry);
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function memoryLog(): { log: Logger; logged: Record<string, unknown>[] } {
  const logged: Record<string, unknown>[] = [];
  const log = createLog('debug', { write: (line) => void logged.push(JSON.parse(line)) });
  return { log, logged };
}

async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** Queue, KV cache and prefix at their usual weights over the endpoints of the file. */
export function defaultConfig(path: string): {
  plugins: Record<string, unknown>[];
  schedulingProfiles: { name: string; plugins: Record<string, unknown>[] }[];
  [key: string]: unknown;
} {
  return {
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { name: 'file', type: 'file-discovery', parameters: { path, watchFile: true } },
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
  };
}
