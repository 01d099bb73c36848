import { beforeAll, inject, it } from 'vitest';
import { CASES } from '../charts/cases.ts';
import { helmTemplate, type KubeObject, kustomize, NAMESPACE } from '../charts/render.ts';
import { definitionsIn } from '../charts/validator.ts';
import type { Manifest } from './api.ts';
import { describeCluster } from './suite.ts';

const FOLDERS = ['config/manifests', 'config/istio/vllm', 'config/istio/simulator'] as const;

// The schemas are checked without a server (test/charts); this is for what only the server knows: rules in CEL, ranges,
// names, and definitions it would not take.
describeCluster('what config/ has for a cluster, applied with the published definitions', (cluster) => {
  const tools = inject('configTools');

  beforeAll(async () => {
    const definitions = (tools?.crds ?? []).flatMap(definitionsIn) as unknown as Manifest[];
    await cluster().define(...definitions);
    await cluster().api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  });

  it.runIf(tools).each(Object.entries(CASES))('the chart, %s', async (_name, values) => {
    if (tools !== undefined) await applyAndRemove(await helmTemplate(tools, values));
  });

  it.runIf(tools).each(FOLDERS)('%s', async (folder) => {
    if (tools !== undefined) await applyAndRemove(await kustomize(tools, folder));
  });

  async function applyAndRemove(objects: readonly KubeObject[]): Promise<void> {
    const { api } = cluster();
    await api.apply(...objects);
    // Without a controller a namespace would never be gone, and definitions are for all tests.
    const removed = objects.filter(({ kind }) => !['Namespace', 'CustomResourceDefinition'].includes(kind));
    for (const object of removed) await api.remove(object);
  }
});
