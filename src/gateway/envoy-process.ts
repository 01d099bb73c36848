import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import * as v from 'valibot';
import { killWithParent, stopChild } from './child-process.ts';
import type { EnvoyConfig } from './envoy-bootstrap.ts';
import { errorText } from './error-text.ts';
import type { Gateway } from './gateway.ts';

/** How much of Envoy's own log is kept for error messages. */
const LOG_TAIL_CHARS = 8_192;
const POLL_MS = 25;

export interface StartEnvoyOptions {
  readonly binary: string;
  readonly config: EnvoyConfig;
  /** Default 20 s. */
  readonly readyTimeoutMs?: number;
  /** How long Envoy may take to end by itself before it is killed; default 3 s. */
  readonly stopTimeoutMs?: number;
}

/** A running Envoy. */
export interface EnvoyGateway extends Gateway {
  readonly adminUrl: string;
  readonly pid: number;
  /** Counters and gauges whose name begins with `prefix`. */
  stats(prefix: string): Promise<Map<string, number>>;
  /** The end of Envoy's log. */
  log(): string;
}

/**
 * Starts Envoy and resolves when it is ready to take requests. Ports 0 in `config` become free ones. It ends with
 * `stop()`, and also when this process dies without calling it. Throws one line when Envoy ends early or is not
 * ready in time.
 */
export async function startEnvoy(options: StartEnvoyOptions): Promise<EnvoyGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-envoy-'));
  const adminFile = join(folder, 'admin');
  const configFile = join(folder, 'envoy.json');
  writeFileSync(configFile, JSON.stringify(options.config));
  const args = ['-c', configFile, '--disable-hot-restart', '--concurrency', '1'];
  args.push('--log-level', 'warn', '--admin-address-path', adminFile);
  // A process group of its own: Ctrl-C in the terminal is for us, and we then stop Envoy in order.
  const child = spawn(options.binary, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-LOG_TAIL_CHARS);
  });
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      log += error.message;
      resolve();
    });
    child.on('close', () => resolve());
  });
  const { pid } = child;
  const watchdog = pid === undefined ? undefined : killWithParent(pid, folder);
  const cleanUp = async (): Promise<void> => {
    await ended;
    watchdog?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  const cleanedUp = cleanUp();
  const stop = async (): Promise<void> => {
    await stopChild(child, ended, options.stopTimeoutMs ?? 3_000);
    await cleanedUp;
  };
  try {
    const isUp = { child, adminFile, deadlineMs: performance.now() + (options.readyTimeoutMs ?? 20_000) };
    const adminUrl = await waitUntilReady(isUp);
    const port = await listenerPort(adminUrl);
    return {
      kind: 'envoy',
      url: `http://127.0.0.1:${port}`,
      port,
      adminUrl,
      pid: pid ?? 0,
      stats: (prefix) => readStats(adminUrl, prefix),
      rescued: () => rescuedRequests(adminUrl),
      log: () => log,
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`Envoy did not start: ${errorText(error)}${errorLines(log)}`, { cause: error });
  }
}

interface Starting {
  readonly child: ChildProcess;
  readonly adminFile: string;
  readonly deadlineMs: number;
}

async function waitUntilReady({ child, adminFile, deadlineMs }: Starting): Promise<string> {
  for (;;) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`it ended with code ${child.exitCode ?? child.signalCode ?? 'none'}`);
    }
    const address = readIfThere(adminFile);
    if (address !== '' && (await isReady(`http://${address}`))) return `http://${address}`;
    if (performance.now() > deadlineMs) throw new Error('not ready in time');
    await delay(POLL_MS);
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

async function isReady(adminUrl: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${adminUrl}/ready`, { headersTimeout: 2_000 });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

/** The part of `/listeners?format=json` that says where the gateway listens. */
const Listeners = v.object({
  listener_statuses: v.array(
    v.object({ local_address: v.object({ socket_address: v.object({ port_value: v.number() }) }) }),
  ),
});

/** The part of `/stats?format=json` that has counters and gauges; histograms have no `value`. */
const Stats = v.object({ stats: v.array(v.object({ name: v.optional(v.string()), value: v.optional(v.unknown()) })) });

async function listenerPort(adminUrl: string): Promise<number> {
  const { body } = await request(`${adminUrl}/listeners?format=json`);
  const { listener_statuses: listeners } = v.parse(Listeners, await body.json());
  return listeners[0].local_address.socket_address.port_value;
}

async function readStats(adminUrl: string, prefix: string): Promise<Map<string, number>> {
  const { body } = await request(`${adminUrl}/stats?format=json`);
  const wanted = new Map<string, number>();
  for (const { name, value } of v.parse(Stats, await body.json()).stats) {
    if (name?.startsWith(prefix) === true && typeof value === 'number') wanted.set(name, value);
  }
  return wanted;
}

async function rescuedRequests(adminUrl: string): Promise<number> {
  let rescued = 0;
  for (const [name, value] of await readStats(adminUrl, 'cluster.')) {
    if (name.endsWith('.upstream_rq_retry_success')) rescued += value;
  }
  return rescued;
}

/** What Envoy itself complained about, made one line. */
function errorLines(log: string): string {
  const lines = log.split('\n').filter((line) => /\[(error|critical)\]/.test(line) || !line.startsWith('['));
  const text = lines.join(' ').trim();
  return text === '' ? '' : `; ${text}`;
}
