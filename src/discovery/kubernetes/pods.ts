import { isIP } from 'node:net';
import { isRecord } from '../../config/decode.ts';
import type { EndpointSpec } from '../../core/endpoint.ts';
import { HOST_LABEL } from '../../core/topology.ts';
import type { KubeObject } from '../../kubernetes/api.ts';

const ACTIVE_PORTS = ['llm-d.ai/active-ports', 'inference.networking.k8s.io/active-ports'];

/** What matters of a pod. */
export interface PodFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its primary address; undefined before it has one. */
  readonly address: string | undefined;
  /** Its Ready condition is true and nobody is deleting it. */
  readonly ready: boolean;
  /** What its annotation says about ports; undefined without one. */
  readonly activePorts: string | undefined;
  /** The machine it runs on, or what it calls its host itself. */
  readonly host: string | undefined;
}

export function readPod({ metadata = {}, spec, status }: KubeObject): PodFacts {
  const { annotations = {} } = metadata;
  const { nodeName, hostname } = record(spec);
  const { podIP, conditions } = record(status);
  const named = ACTIVE_PORTS.find((name) => annotations[name] !== undefined);
  return {
    name: metadata.name ?? '',
    labels: metadata.labels ?? {},
    address: typeof podIP === 'string' && isIP(podIP) !== 0 ? podIP : undefined,
    ready: metadata.deletionTimestamp === undefined && isReady(conditions),
    activePorts: named === undefined ? undefined : annotations[named],
    host: text(nodeName) ?? text(hostname),
  };
}

/** Whether two states of a pod make the same endpoints. A pod's status changes far more often than these. */
export function samePod(a: PodFacts, b: PodFacts): boolean {
  return (
    a.ready === b.ready &&
    a.address === b.address &&
    a.activePorts === b.activePorts &&
    a.host === b.host &&
    sameLabels(a.labels, b.labels)
  );
}

/**
 * The endpoints of a pod, one for each active target port, named after the port's place in `ports`; none while it is not
 * ready. Its machine stands in for a label `kubernetes.io/hostname` it does not have, so that plugins find topology in
 * labels alone. Source: contract `wire-protocol.md` 2.3.
 */
export function endpointsOf(pod: PodFacts, namespace: string, ports: readonly number[]): readonly EndpointSpec[] {
  const { name, address, ready, host } = pod;
  if (!ready || address === undefined) return [];
  const labels = host === undefined || HOST_LABEL in pod.labels ? pod.labels : { ...pod.labels, [HOST_LABEL]: host };
  const active = activePorts(pod);
  return ports.flatMap((port, rank) =>
    active?.has(port) === false
      ? []
      : [{ namespace, name: `${name}-rank-${rank}`, podName: name, address, port, labels }],
  );
}

/** Why a ready pod has no endpoint, in one line; undefined when there is nothing odd about it. */
export function oddity(pod: PodFacts, namespace: string, ports: readonly number[]): string | undefined {
  const active = pod.ready ? activePorts(pod) : undefined;
  if (active === undefined || ports.some((port) => active.has(port))) return undefined;
  const found = JSON.stringify(pod.activePorts);
  return `pod ${namespace}/${pod.name} gets no requests: its annotation ${ACTIVE_PORTS[0]} is ${found}, which names none of the target ports ${ports.join(', ')}`;
}

/** What is no number is passed over: the reference does so too, and an annotation with nothing good closes every port. */
function activePorts({ activePorts: listed }: PodFacts): ReadonlySet<number> | undefined {
  if (listed === undefined) return undefined;
  const parts = listed.split(',').map((part) => part.trim());
  return new Set(parts.filter((part) => /^\d{1,5}$/.test(part)).map(Number));
}

function isReady(conditions: unknown): boolean {
  if (!Array.isArray(conditions)) return false;
  const list: readonly unknown[] = conditions;
  return list.some((condition) => isRecord(condition) && condition.type === 'Ready' && condition.status === 'True');
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
