import { spawn } from 'node:child_process';

/** The most output kept of a tool; only its end is ever shown. */
const KEPT_CHARS = 16_384;

/** How a tool ended. `code` is null when it could not start, was stopped, or ran out of time. */
export interface ToolResult {
  readonly code: number | null;
  /** The end of stdout and stderr, mixed. */
  readonly output: string;
  /** Set when the tool could not be started at all. */
  readonly missing: boolean;
  readonly timedOut: boolean;
}

export interface ToolOptions {
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Kills the tool when aborted. */
  readonly signal?: AbortSignal;
}

/** Runs a command to its end; never throws, never outlives its time. */
export function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  return new Promise((resolve) => {
    let output = '';
    let missing = false;
    const keep = (chunk: string): void => {
      output = (output + chunk).slice(-KEPT_CHARS);
    };
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...(options.env ?? process.env) },
      signal,
      killSignal: 'SIGKILL',
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);
    const finish = (code: number | null): void => {
      resolve({ code, output, missing, timedOut: timeout.aborted });
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.name === 'AbortError') return;
      missing = error.code === 'ENOENT' || error.code === 'EACCES';
      keep(error.message);
      if (child.pid === undefined) finish(null);
    });
    child.on('close', finish);
  });
}

/** The last line that says something, for one-line errors. */
export function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.trim() ?? '';
}
