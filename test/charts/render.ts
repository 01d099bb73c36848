import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import type { ConfigTools } from './tools.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'config/charts/pointsman');

/** Namespace and release of every rendering: those of config/manifests. */
export const NAMESPACE = 'llm';
export const RELEASE = 'model-pool';

/** A Kubernetes object as written, before anything has been defaulted. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly [field: string]: unknown;
}

/** Helm's values, as in a values file. */
export type Values = Readonly<Record<string, unknown>>;

export interface HelmOptions {
  /** Like 1.34. */
  readonly kubernetes?: string;
  /** Group versions the cluster serves besides the built-in ones. */
  readonly apiVersions?: readonly string[];
}

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

const rendered = new Map<string, Promise<readonly KubeObject[]>>();

/** What `helm template` makes of the values; the same values are rendered once. Rejects with helm's own words. */
export function helmTemplate(
  tools: ConfigTools,
  values: Values,
  options: HelmOptions = {},
): Promise<readonly KubeObject[]> {
  const key = JSON.stringify([values, options]);
  const objects = rendered.get(key) ?? render(tools, values, options);
  rendered.set(key, objects);
  return objects;
}

async function render(
  tools: ConfigTools,
  values: Values,
  { kubernetes = '1.34', apiVersions = [] }: HelmOptions,
): Promise<readonly KubeObject[]> {
  const args = ['template', RELEASE, CHART, '--namespace', NAMESPACE, '--kube-version', `${kubernetes}.0`];
  for (const version of apiVersions) args.push('--api-versions', version);
  return readObjects(await helm(tools, values, (file) => [...args, '--values', file]));
}

/** What `helm lint --strict` says; rejects when it is not content. */
export function helmLint(tools: ConfigTools, values: Values): Promise<string> {
  return helm(tools, values, (file) => ['lint', CHART, '--strict', '--kube-version', '1.34.0', '--values', file]);
}

/** What `kustomize build` makes of a folder of this repository. */
export async function kustomize(tools: ConfigTools, folder: string): Promise<KubeObject[]> {
  const { stdout } = await run(tools.kustomize, ['build', join(ROOT, folder)], { maxBuffer: MAX_OUTPUT_BYTES });
  return readObjects(stdout);
}

/** The only object of a kind. */
export function theOne(objects: readonly KubeObject[], kind: string, name?: string): KubeObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects ${kind} ${name ?? ''}`);
  return found[0];
}

/** Value at a path like `spec.template.spec.containers.0.args`; undefined where it ends early. */
export function at(object: KubeObject, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

async function helm(tools: ConfigTools, values: Values, args: (file: string) => string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-helm-'));
  try {
    const file = join(folder, 'values.yaml');
    writeFileSync(file, stringify(values));
    // No plugins, repositories or caches of whoever runs this.
    const env = { ...process.env, HELM_CONFIG_HOME: folder, HELM_CACHE_HOME: folder, HELM_DATA_HOME: folder };
    return (await run(tools.helm, args(file), { env, maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readObjects(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${document.errors[0].message}\n${text}`);
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}
