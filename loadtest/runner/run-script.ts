import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { killWithParent } from '../../src/gateway/child-process.ts';
import { startControlServer } from '../stack/control-server.ts';
import { startStack } from '../stack/stack.ts';
import type { LoadOptions, Script } from './arguments.ts';
import { findK6 } from './k6-binary.ts';

/** k6's exit code when thresholds were crossed. */
const THRESHOLDS_CROSSED = 99;
const LOADTEST = resolve(import.meta.dirname, '..');

export interface RunParts {
  /** Told what goes on, a line at a time. */
  readonly report: (line: string) => void;
  /** Where the table goes: this process's standard output, or to nobody but `ScriptResult.output`. */
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** How a run went. */
export interface ScriptResult {
  /** Whether every threshold in force held. */
  readonly passed: boolean;
  /** What was printed: the table, or why there is none. */
  readonly output: string;
  /** Folder of `summary.json`, `report.html` and the logs. */
  readonly folder: string;
}

/**
 * Runs one script, with a stack of its own unless there is a URL. Rejects in one line when a part does not start; all
 * that was started has then ended.
 */
export async function runScript(script: Script, options: LoadOptions, parts: RunParts): Promise<ScriptResult> {
  await using stack = new AsyncDisposableStack();
  const folder = await resultsFolder(script, options.resultsFolder);
  const binary = await findK6({ onProgress: parts.report, signal: parts.signal });
  const target =
    options.url === undefined ? await localTarget(script, options, parts, folder, stack) : foreignTarget(options.url);
  const variables = {
    ...target,
    RESULTS_DIR: folder,
    ...(options.short ? { SHORT: '1' } : {}),
    ...Object.fromEntries(options.variables.map(splitVariable)),
  };
  parts.signal.throwIfAborted();
  const { code, output } = await runK6(binary, script, variables, folder, parts);
  const log = join(folder, 'k6.log');
  if (code !== 0 && code !== THRESHOLDS_CROSSED) {
    throw new Error(`k6 ended with ${code}: ${(await fromLog(log, 'error')) ?? `see ${log}`}`);
  }
  const passed = code === 0 && (await verdict(join(folder, 'summary.json')));
  const warning = passed ? undefined : await fromLog(log, 'warning');
  if (warning !== undefined) parts.report(`${warning} (the first of ${relative(process.cwd(), log)})`);
  parts.report(`results  ${relative(process.cwd(), folder)}/report.html`);
  return { passed, output, folder };
}

async function resultsFolder(script: Script, parent: string): Promise<string> {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const folder = resolve(parent, `${script}-${stamp}`);
  await mkdir(folder, { recursive: true });
  return folder;
}

async function localTarget(
  script: Script,
  options: LoadOptions,
  { report, signal }: RunParts,
  logFolder: string,
  parts: AsyncDisposableStack,
): Promise<Record<string, string>> {
  const { servers, pickerConfig: configFile } = options;
  // Bursts are compared with each other: a server's own hiccups would hide what the picker does.
  const control = script === 'burst';
  const serverFlags = control ? ['--no-noise'] : [];
  const stack = await startStack({ servers, serverFlags, configFile, control, logFolder, report, signal }, parts);
  const faults = await startControlServer(stack);
  parts.defer(() => faults.close());
  return {
    GATEWAY_URL: stack.gateway.url,
    PICKER_URL: `grpcs://127.0.0.1:${stack.picker.grpcPort}`,
    FAULT_URL: faults.url,
    ...(stack.control === undefined ? {} : { CONTROL_URL: stack.control.url }),
  };
}

function foreignTarget(url: string): Record<string, string> {
  return url.startsWith('grpc') ? { PICKER_URL: url } : { GATEWAY_URL: url };
}

function splitVariable(variable: string): [string, string] {
  const at = variable.indexOf('=');
  return [variable.slice(0, at), variable.slice(at + 1)];
}

function runK6(
  binary: string,
  script: Script,
  variables: Readonly<Record<string, string>>,
  folder: string,
  { quiet, signal }: RunParts,
): Promise<{ readonly code: number; readonly output: string }> {
  const terminal = !quiet && process.stdout.isTTY;
  const args = ['run', '--no-usage-report', '--address', '', '--log-output', `file=${join(folder, 'k6.log')}`];
  if (!terminal) args.push('--quiet', '--no-color');
  for (const [name, value] of Object.entries(variables)) args.push('-e', `${name}=${value}`);
  const child = spawn(binary, [...args, join(LOADTEST, `${script}.ts`)], {
    stdio: ['ignore', terminal ? 'inherit' : 'pipe', 'inherit'],
    // A process group of its own: Ctrl-C in the terminal is for us, and we then end k6 in order.
    detached: true,
  });
  const watchdog = child.pid === undefined ? undefined : killWithParent(child.pid);
  const interrupt = (): boolean => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (!quiet) process.stdout.write(chunk);
  });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => {
      signal.removeEventListener('abort', interrupt);
      watchdog?.kill('SIGKILL');
      done({ code: code ?? -1, output });
    });
  });
}

/** What the script's own report says: unlike k6, it does not pass a limit on something that was never measured. */
async function verdict(file: string): Promise<boolean> {
  const { passed } = JSON.parse(await readFile(file, 'utf8')) as { passed: boolean };
  return passed;
}

/** The first line of k6's log at a level, its message up to the stack; undefined when there is none. */
async function fromLog(file: string, level: 'error' | 'warning'): Promise<string | undefined> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const line = lines.find((one) => one.includes(`level=${level}`) && !one.includes('"Request Failed"')) ?? '';
  const [, message] = /msg="((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
  return message?.split('\\n', 1)[0].replaceAll('\\"', '"');
}
