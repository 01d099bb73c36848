import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { killWithParent, stopChild } from '../../src/gateway/child-process.ts';

const LOG_TAIL_CHARS = 16_384;

/** A program that runs until stopped, and dies with this process. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>;
  isRunning(): boolean;
  /** Undefined while it runs, and when a signal ended it. */
  exitCode(): number | undefined;
  /** The end of its standard error. */
  log(): string;
  /** SIGTERM, then SIGKILL after `timeoutMs`. */
  stop(timeoutMs?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program; rejects when there is none. `onLine` hears every line of standard error. */
export async function startProcess(
  binary: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly onLine?: (line: string) => void } = {},
): Promise<ServerProcess> {
  const child = spawn(binary, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env: options.env ?? process.env,
  });
  let log = '';
  let rest = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-LOG_TAIL_CHARS);
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line);
  });
  const ended = once(child, 'close').then(
    () => undefined,
    () => undefined,
  );
  await once(child, 'spawn');
  const pid = child.pid as number;
  const watchdog = killWithParent(pid, '');
  void ended.then(() => watchdog.kill('SIGKILL'));
  return {
    pid,
    ended,
    exitCode: () => child.exitCode ?? undefined,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    log: () => log,
    stop: (timeoutMs = 10_000) => stopChild(child, ended, timeoutMs),
    kill: (signal) => void child.kill(signal),
  };
}

/** Ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
