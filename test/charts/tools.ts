import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../src/gateway/cache-folder.ts';

/** Where everything is that the suites run or read. */
export interface ConfigTools {
  readonly helm: string;
  readonly kustomize: string;
  /** Has `v1.29.0-local-strict/_definitions.json` and so on: schemas of Kubernetes' own kinds, closed. */
  readonly schemas: string;
  /** Files and folders with CustomResourceDefinitions. */
  readonly crds: readonly string[];
}

/** Kubernetes releases every object is checked against. */
export const KUBERNETES = ['1.29', '1.30', '1.31', '1.32', '1.33', '1.34'] as const;

const HELM = { name: 'helm', module: 'helm.sh/helm/v3', folder: 'cmd/helm', version: 'v3.22.0' };
const KUSTOMIZE = { name: 'kustomize', module: 'sigs.k8s.io/kustomize/kustomize/v5', folder: '', version: 'v5.7.1' };

/** The Python wheel with JSON schemas made of Kubernetes' OpenAPI documents, all releases in one. */
const SCHEMAS = { wheel: 'kubernetes-validate', version: '1.37.0', path: 'kubernetes_validate/kubernetes-json-schema' };

/** Go modules that carry published CustomResourceDefinitions, and where in them. */
const CRDS: readonly (readonly [module: string, path: string])[] = [
  ['sigs.k8s.io/gateway-api@v1.4.1', 'config/crd/standard'],
  ['sigs.k8s.io/gateway-api-inference-extension@v1.5.0', 'config/crd/bases'],
  ['istio.io/api@v1.28.0', 'kubernetes/customresourcedefinitions.gen.yaml'],
  ['github.com/prometheus-operator/prometheus-operator@v0.85.0', 'example/prometheus-operator-crd'],
];

const run = promisify(execFile);

/** Finds or installs all of it into the cache folder; undefined where there is no Go. Throws when it cannot. */
export async function findConfigTools(report: (line: string) => void): Promise<ConfigTools | undefined> {
  if (!(await hasGo())) return undefined;
  const cache = cacheFolder(process.env);
  return {
    helm: await goTool(cache, HELM, report),
    kustomize: await goTool(cache, KUSTOMIZE, report),
    schemas: await schemas(cache, report),
    crds: await Promise.all(CRDS.map(async ([module, path]) => join(await goModule(module), path))),
  };
}

async function hasGo(): Promise<boolean> {
  try {
    await run('go', ['version']);
    return true;
  } catch {
    return false;
  }
}

async function goTool(cache: string, tool: typeof HELM, report: (line: string) => void): Promise<string> {
  const { name, module, folder, version } = tool;
  const target = join(cache, `${name}-${version}`);
  await installOnce(target, async (temporary) => {
    report(`building ${name} ${version} into ${target}, about a minute`);
    const path = folder === '' ? module : `${module}/${folder}`;
    await run('go', ['install', `${path}@${version}`], { env: goEnv({ GOBIN: temporary }), timeout: 600_000 });
    return temporary;
  });
  return join(target, name);
}

async function goModule(module: string): Promise<string> {
  // Not in this repository, which is no Go module.
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { env: goEnv(), cwd: tmpdir() });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

function goEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, GOFLAGS: '-mod=mod', ...extra };
}

async function schemas(cache: string, report: (line: string) => void): Promise<string> {
  const { wheel, version, path } = SCHEMAS;
  const target = join(cache, `${wheel}-${version}`);
  await installOnce(target, async (temporary) => {
    report(`downloading ${wheel} ${version}, about 22 MB`);
    const options = ['--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--quiet', '--dest', temporary];
    await run('python3', ['-m', 'pip', 'download', ...options, `${wheel}==${version}`], { timeout: 600_000 });
    const file = readdirSync(temporary).find((name) => name.endsWith('.whl')) ?? '';
    const wanted = KUBERNETES.map((release) => `${path}/v${release}.0-local-strict/_definitions.json`);
    const unpack = 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2], sys.argv[3:])';
    const unpacked = join(temporary, 'unpacked');
    await run('python3', ['-c', unpack, join(temporary, file), unpacked, ...wanted]);
    return unpacked;
  });
  return join(target, path);
}

/** Has `make` fill a folder beside `target` and renames what it returns, so that nobody ever sees half of it. */
async function installOnce(target: string, make: (temporary: string) => Promise<string>): Promise<void> {
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  const temporary = mkdtempSync(`${target}-partial-`);
  try {
    const made = await make(temporary);
    // Whoever was faster made the same.
    if (!existsSync(target)) renameSync(made, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
