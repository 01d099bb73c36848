import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/app/config.ts';
import { startPicker } from '../../src/app/picker.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { eventually } from './http-call.ts';
import type { StartRigPicker } from './rig.ts';

/** The picker as `pointsman serve` runs it, with its pool in a file; resolves when it has scraped every endpoint. */
export const startRealPicker: StartRigPicker = async (ports, secure) => {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
  const path = join(folder, 'endpoints.yaml');
  const endpoints = ports.map((port, index) => ({ name: `pod-${index}`, address: '127.0.0.1', port: String(port) }));
  await writeFile(path, JSON.stringify({ endpoints }));
  const config = await loadConfig({ file: undefined, text: configText(path), allowExperimental: false });
  const settings = {
    host: '127.0.0.1',
    grpcPort: 0,
    healthPort: 0,
    metricsPort: 0,
    secure,
    certPath: undefined,
    healthOnGrpcPort: false,
    maxReceiveBytes: undefined,
    maxSendBytes: undefined,
    poolName: 'test',
    refreshMetricsIntervalMs: 50,
    refreshPoolGaugesIntervalMs: 5_000,
    metricsStalenessThresholdMs: 2_000,
    drainTimeoutMs: 0,
    fallbackEndpoints: 2,
    obeySubset: true,
    seed: 1,
  };
  const picker = await startPicker(config, settings, createLog('fatal'));
  const { table } = picker;
  await eventually('every endpoint was scraped', () => table.all.every((slot) => table.signals.scrapes[slot] > 0));
  return {
    grpcPort: picker.grpcPort,
    table,
    async stop() {
      await picker.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

function configText(path: string): string {
  return JSON.stringify({
    apiVersion: 'inference.networking.x-k8s.io/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { name: 'file', type: 'file-discovery', parameters: { path } },
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
