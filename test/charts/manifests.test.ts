import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import eppCluster from '../fixtures/istio/generated-epp-cluster.json' with { type: 'json' };
import poolStatus from '../fixtures/istio/generated-inferencepool-status.json' with { type: 'json' };
import shadowService from '../fixtures/istio/generated-shadow-service.json' with { type: 'json' };
import { CASES } from './cases.ts';
import { configSuite } from './kit.ts';
import { danglingReferences } from './references.ts';
import { at, helmTemplate, type KubeObject, kustomize, NAMESPACE, RELEASE, theOne } from './render.ts';
import { problemsOf } from './validator.ts';

const FOLDERS = ['config/manifests', 'config/istio/vllm', 'config/istio/simulator'] as const;

configSuite('the plain manifests', (tools) => {
  it.each(FOLDERS)('%s: every object is right for every Kubernetes', async (folder) => {
    const objects = await kustomize(tools, folder);
    expect(problemsOf(tools, objects)).toEqual([]);
    expect(danglingReferences(objects)).toEqual([]);
  });

  it("are what the chart makes of its defaults, less Helm's own labels", async () => {
    const chart = await helmTemplate(tools, CASES['defaults']);
    expect(sorted(await kustomize(tools, 'config/manifests'))).toEqual(sorted(chart));
  });

  it('the example is the chart with Istio, and a namespace, a gateway and a route', async () => {
    const chart = await helmTemplate(tools, {
      ...CASES['a self-signed certificate, Istio'],
      experimentalHttpRoute: { enabled: true },
    });
    const ours = ({ kind, metadata }: KubeObject): boolean =>
      !['Namespace', 'Gateway'].includes(kind) && !['vllm', 'simulator'].includes(metadata.name);
    for (const folder of ['config/istio/vllm', 'config/istio/simulator']) {
      const example = (await kustomize(tools, folder)).filter(ours);
      expect(sorted(example).map(unlabelled)).toEqual(sorted(chart).map(unlabelled));
    }
  });

  it.each([
    ['vllm', 'vllm'],
    ['simulator', 'simulator'],
  ])('config/istio/%s: the pool selects its servers and not the picker', async (folder, name) => {
    const objects = await kustomize(tools, `config/istio/${folder}`);
    const pool = theOne(objects, 'InferencePool');
    const selector = Object.entries(at(pool, 'spec.selector.matchLabels') as Record<string, string>);
    const selected = objects
      .filter(({ kind }) => kind === 'Deployment')
      .filter((deployment) => {
        const labels = at(deployment, 'spec.template.metadata.labels') as Record<string, string>;
        return selector.every(([key, value]) => labels[key] === value);
      });
    expect(selected.map(({ metadata }) => metadata.name)).toEqual([name]);
    expect(at(selected[0], 'spec.template.spec.containers.0.ports.0.containerPort')).toBe(
      at(pool, 'spec.targetPorts.0.number'),
    );
  });

  it('the names are those for which istiod generated the fixtures', async () => {
    const objects = await kustomize(tools, 'config/istio/vllm');
    const picker = theOne(objects, 'Service').metadata.name;
    expect(eppCluster.name).toBe(`outbound|9002||${picker}.${NAMESPACE}.svc.cluster.local`);
    const hash = createHash('sha256').update(RELEASE).digest('hex').slice(0, 8);
    expect(shadowService.metadata.name).toBe(`${RELEASE}-ip-${hash}`);
    expect(poolStatus.parents[0].parentRef.name).toBe(theOne(objects, 'Gateway').metadata.name);
  });
});

const HELM_LABELS = new Set(['app.kubernetes.io/managed-by', 'helm.sh/chart']);

function sorted(objects: readonly KubeObject[]): KubeObject[] {
  const key = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;
  return objects.map(withoutHelmLabels).sort((a, b) => key(a).localeCompare(key(b)));
}

function withoutHelmLabels(object: KubeObject): KubeObject {
  const labels = Object.entries(object.metadata.labels ?? {}).filter(([name]) => !HELM_LABELS.has(name));
  return { ...object, metadata: { ...object.metadata, labels: Object.fromEntries(labels) } };
}

/** The example labels only what comes from config/manifests. */
function unlabelled(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, labels: {} } };
}
