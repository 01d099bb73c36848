import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultConfig, endpointsText } from '../../kit/picker.ts';
import { freePorts, type ServerProcess, startProcess } from '../../kit/server-process.ts';
import { PLAIN_AUTHORITY } from './authorities.ts';
import { conversation } from './conversation.ts';
import { runLoad } from './load.ts';

const READY_TIMEOUT_MS = 30_000;
const READY_STEP_MS = 10;

/** This repository's picker, as a shell command. */
export const OUR_COMMAND = [
  `'${process.execPath}' '${join(import.meta.dirname, '../../../src/main.ts')}' serve --config-file "$CONFIG_FILE"`,
  '--grpc-port "$GRPC_PORT" --grpc-health-port "$HEALTH_PORT" --metrics-port "$METRICS_PORT"',
  '--secure-serving=false --metrics-endpoint-auth=false --drain-timeout=0s',
].join(' ');

/** A picker at work, in a process of its own. */
export interface BenchedPicker {
  readonly pid: number;
  readonly port: number;
  /** From the start of its process to its first answer that names an endpoint. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/**
 * Starts a picker by a shell command that finds CONFIG_FILE, GRPC_PORT, HEALTH_PORT and METRICS_PORT in its
 * environment and serves cleartext. Throws, with the end of its log, when it does not answer within 30 s.
 */
export async function startPickerCommand(
  command: string,
  endpointPorts: readonly number[],
  env: Readonly<Record<string, string>> = {},
): Promise<BenchedPicker> {
  const folder = await mkdtemp(join(tmpdir(), 'picker-bench-'));
  const endpoints = join(folder, 'endpoints.yaml');
  const config = join(folder, 'picker.yaml');
  await writeFile(endpoints, endpointsText(endpointPorts));
  const document = { ...defaultConfig(endpoints), apiVersion: 'inference.networking.x-k8s.io/v1alpha1' };
  await writeFile(config, JSON.stringify(document));
  const [port, health, metrics] = await freePorts(3);
  const ports = { GRPC_PORT: String(port), HEALTH_PORT: String(health), METRICS_PORT: String(metrics) };
  const startedMs = performance.now();
  const picker = await startProcess('/bin/sh', ['-c', `exec ${command}`], {
    env: { ...process.env, CONFIG_FILE: config, ...ports, ...env },
  });
  const stop = async (): Promise<void> => {
    await picker.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilItPicks(picker, port, startedMs);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: picker.pid, port, readyMs: performance.now() - startedMs, stop };
}

async function untilItPicks(picker: ServerProcess, port: number, startedMs: number): Promise<void> {
  const conversations = [conversation(1500, 0)];
  const probe = { port, authority: PLAIN_AUTHORITY, conversations, requests: 1, connections: 1, streams: 1 };
  while (performance.now() - startedMs < READY_TIMEOUT_MS) {
    const answered = await runLoad(probe).then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (!picker.isRunning()) throw new Error(`the picker ended: ${picker.log()}`);
    await delay(READY_STEP_MS);
  }
  throw new Error(`the picker named no endpoint within ${READY_TIMEOUT_MS / 1000} s: ${picker.log()}`);
}
