import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { killWithParent } from '../../src/gateway/child-process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const READY_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 5_000;

/** A command of this program that runs as a process of its own. */
export interface Child {
  readonly alive: boolean;
  /** Sends a signal, unless it is gone already. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  /** Asks it to stop, kills it when it does not within 5 s or `withinMs`; resolves when it is gone. */
  stop(withinMs?: number): Promise<void>;
}

export interface StartChild<T> {
  /** Arguments of `pointsman`. */
  readonly args: readonly string[];
  /** Arguments of Node. */
  readonly nodeFlags?: readonly string[] | undefined;
  /** What it is called in the log's name and in errors. */
  readonly name: string;
  readonly logFolder: string;
  /** Reads a line of its output; what it returns first is what the caller was waiting for. */
  readonly ready: (line: string) => T | undefined;
}

/**
 * Starts a command and resolves once it said that it is ready. It dies with this process, however that ends. Rejects
 * in one line, with the last thing it said, when it ends first or takes longer than 30 s.
 */
export async function startChild<T>(options: StartChild<T>): Promise<{ readonly child: Child; readonly ready: T }> {
  const { args, nodeFlags = [], name, logFolder, ready } = options;
  const log = createWriteStream(join(logFolder, `${name}.log`), { flags: 'a' });
  const command = [...nodeFlags, MAIN, ...args];
  const spawned = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const child = new RunningChild(spawned);
  void child.gone.then(() => log.end());
  let lastLine = '';
  try {
    const found = await new Promise<T>((resolve, reject) => {
      const onLine = (line: string): void => {
        log.write(`${line}\n`);
        lastLine = line;
        const answer = ready(line);
        if (answer !== undefined) resolve(answer);
      };
      for (const stream of [spawned.stdout, spawned.stderr]) eachLine(stream, onLine);
      setTimeout(() => reject(new Error(`${name} was not ready in time`)), READY_WITHIN_MS).unref();
      spawned.once('error', reject);
      spawned.once('close', (code, signal) => reject(new Error(`${name} ended with ${code ?? signal}: ${lastLine}`)));
    });
    return { child, ready: found };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

class RunningChild implements Child {
  alive = true;
  readonly gone: Promise<void>;
  readonly #process: ChildProcess;

  constructor(spawned: ChildProcess) {
    this.#process = spawned;
    const watchdog = spawned.pid === undefined ? undefined : killWithParent(spawned.pid);
    this.gone = new Promise((resolve) => {
      spawned.once('close', () => {
        this.alive = false;
        watchdog?.kill('SIGKILL');
        resolve();
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async stop(withinMs = STOPS_WITHIN_MS): Promise<void> {
    // A stopped process takes no SIGTERM.
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), withinMs);
    await this.gone;
    clearTimeout(timer);
  }
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
