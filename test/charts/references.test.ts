import { expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { configSuite } from './kit.ts';
import { planted } from './planted.ts';
import { danglingReferences } from './references.ts';
import { helmTemplate } from './render.ts';

const EVERYTHING = {
  ...CASES['shaped like the inference pool chart'],
  inferenceExtension: {
    ...(CASES['shaped like the inference pool chart']['inferenceExtension'] as object),
    networkPolicy: { enabled: true },
  },
};

configSuite('names and selectors that lead nowhere are found', (tools) => {
  it.each([
    ['Deployment', 'spec.selector.matchLabels.app', 'x', 'Deployment model-pool-epp selects nothing'],
    ['Deployment', 'spec.template.spec.serviceAccountName', 'x', 'names ServiceAccount x'],
    ['Deployment', 'spec.template.spec.volumes.0.configMap.name', 'x', 'names ConfigMap x'],
    ['Deployment', 'spec.template.spec.containers.0.ports.0.name', 'x', 'Service port 9002 leads nowhere'],
    ['Service', 'spec.selector', {}, 'Service model-pool-epp selects nothing'],
    ['Service', 'spec.ports.0.port', 9, 'InferencePool calls port 9002, which the Service has not'],
    ['RoleBinding', 'roleRef.name', 'x', 'names Role x'],
    ['RoleBinding', 'subjects.0.name', 'x', 'names ServiceAccount x'],
    ['ClusterRoleBinding', 'roleRef.name', 'x', 'names ClusterRole x'],
    ['PodDisruptionBudget', 'spec.selector.matchLabels.app', 'x', 'PodDisruptionBudget model-pool-epp selects nothing'],
    ['NetworkPolicy', 'spec.podSelector.matchLabels.app', 'x', 'NetworkPolicy model-pool-epp selects nothing'],
    ['ServiceMonitor', 'spec.selector.matchLabels.app', 'x', 'ServiceMonitor model-pool-epp selects nothing'],
    ['InferencePool', 'spec.endpointPickerRef.name', 'x', 'names Service x'],
    ['InferencePool', 'spec.endpointPickerRef.port.number', 1, 'InferencePool calls port 1'],
    ['InferenceObjective', 'spec.poolRef.name', 'x', 'names InferencePool x'],
    ['HTTPRoute', 'spec.rules.0.backendRefs.0.name', 'x', 'names InferencePool x'],
    ['DestinationRule', 'spec.host', 'x.llm.svc.cluster.local', 'DestinationRule is for x.llm'],
  ])('%s with %s = %j', async (kind, path, value, problem) => {
    const objects = await helmTemplate(tools, EVERYTHING);
    expect(danglingReferences(objects)).toEqual([]);
    const first = objects.findIndex((object) => object.kind === kind);
    const broken = objects.with(first, planted(objects[first], path, value));
    expect(danglingReferences(broken).join('\n')).toContain(problem);
  });
});
