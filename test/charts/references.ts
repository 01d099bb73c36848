import { at, type KubeObject } from './render.ts';

type Labels = Readonly<Record<string, string>>;

/** Kind, where its selector is, and whose labels must match it. */
const SELECTORS = [
  ['Deployment', 'spec.selector.matchLabels', 'pod'],
  ['Service', 'spec.selector', 'pod'],
  ['PodDisruptionBudget', 'spec.selector.matchLabels', 'pod'],
  ['NetworkPolicy', 'spec.podSelector.matchLabels', 'pod'],
  ['PodMonitor', 'spec.selector.matchLabels', 'pod'],
  ['ServiceMonitor', 'spec.selector.matchLabels', 'service'],
] as const;

/** Kind, where it names another object, and the kind of that. */
const NAMES = [
  ['Deployment', 'spec.template.spec.serviceAccountName', 'ServiceAccount'],
  ['Deployment', 'spec.template.spec.volumes.0.configMap.name', 'ConfigMap'],
  ['RoleBinding', 'roleRef.name', 'Role'],
  ['RoleBinding', 'subjects.0.name', 'ServiceAccount'],
  ['ClusterRoleBinding', 'roleRef.name', 'ClusterRole'],
  ['ClusterRoleBinding', 'subjects.0.name', 'ServiceAccount'],
  ['InferencePool', 'spec.endpointPickerRef.name', 'Service'],
  ['HTTPRoute', 'spec.rules.0.backendRefs.0.name', 'InferencePool'],
  ['InferenceObjective', 'spec.poolRef.name', 'InferencePool'],
] as const;

/** Names and selectors that lead nowhere, a line each: what a schema cannot see in a set of objects. */
export function danglingReferences(all: readonly KubeObject[]): string[] {
  const objects = all.filter(({ kind, metadata }) => kind !== 'Deployment' || metadata.name.endsWith('-epp'));
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  const service = objects.find(({ kind }) => kind === 'Service');
  if (deployment === undefined || service === undefined) return ['no picker'];
  const labels = {
    pod: at(deployment, 'spec.template.metadata.labels') as Labels,
    service: service.metadata.labels ?? {},
  };
  return [
    ...SELECTORS.flatMap(([kind, path, whose]) =>
      ofKind(objects, kind)
        .filter((object) => !selects(at(object, path), labels[whose]))
        .map((object) => `${kind} ${object.metadata.name} selects nothing`),
    ),
    ...NAMES.flatMap(([kind, path, target]) =>
      ofKind(objects, kind)
        .filter((object) => !ofKind(objects, target).some(({ metadata }) => metadata.name === at(object, path)))
        .map(
          (object) => `${kind} ${object.metadata.name} names ${target} ${String(at(object, path))}, which is not there`,
        ),
    ),
    ...wrongPorts(deployment, service, objects),
    ...ofKind(objects, 'DestinationRule')
      .map((rule) => at(rule, 'spec.host'))
      .filter((host) => host !== `${service.metadata.name}.${service.metadata.namespace}.svc.cluster.local`)
      .map((host) => `DestinationRule is for ${String(host)}`),
  ];
}

function wrongPorts(deployment: KubeObject, service: KubeObject, objects: readonly KubeObject[]): string[] {
  const container = at(deployment, 'spec.template.spec.containers.0.ports') as {
    name: string;
    containerPort: number;
  }[];
  const ports = at(service, 'spec.ports') as { port: number; targetPort?: string | number }[];
  const nowhere = ports.filter(
    ({ port, targetPort = port }) =>
      !container.some(({ name, containerPort }) => name === targetPort || containerPort === targetPort),
  );
  const uncalled = ofKind(objects, 'InferencePool')
    .map((pool) => at(pool, 'spec.endpointPickerRef.port.number'))
    .filter((called) => !ports.some(({ port }) => port === called));
  return [
    ...nowhere.map(({ port }) => `Service port ${port} leads nowhere`),
    ...uncalled.map((port) => `InferencePool calls port ${String(port)}, which the Service has not`),
  ];
}

function selects(selector: unknown, labels: Labels): boolean {
  const wanted = Object.entries((selector ?? {}) as Labels);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

function ofKind(objects: readonly KubeObject[], kind: string): KubeObject[] {
  return objects.filter((object) => object.kind === kind);
}
