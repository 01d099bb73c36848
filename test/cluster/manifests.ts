import type { Api, Manifest } from './api.ts';
import type { Rule } from './cluster.ts';

export const POOL_GROUP = 'inference.networking.k8s.io';
export const NEW_GROUP = 'llm-d.ai';
export const LEGACY_GROUP = 'inference.networking.x-k8s.io';

export interface PoolOptions {
  readonly name: string;
  readonly namespace: string;
  /** Default: `app` is the pool's name. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly ports?: readonly number[];
  readonly appProtocol?: 'http' | 'kubernetes.io/h2c';
}

export function pool({ name, namespace, matchLabels, ports = [8000], appProtocol }: PoolOptions): Manifest {
  return {
    apiVersion: `${POOL_GROUP}/v1`,
    kind: 'InferencePool',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: matchLabels ?? { app: name } },
      targetPorts: ports.map((number) => ({ number })),
      ...(appProtocol && { appProtocol }),
      endpointPickerRef: { name: `${name}-epp`, port: { number: 9002 } },
    },
  };
}

export interface PodOptions {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly nodeName?: string;
}

export function pod({ name, namespace, labels, annotations = {}, nodeName = 'node-a' }: PodOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, annotations },
    spec: { nodeName, containers: [{ name: 'vllm', image: 'vllm/vllm-openai' }] },
  };
}

/** Writes what a kubelet writes for a pod: its address and whether it is ready. */
export async function setStatus(
  api: Api,
  manifest: Manifest,
  { ip, ready }: { readonly ip: string | readonly string[]; readonly ready: boolean },
): Promise<void> {
  const ips = typeof ip === 'string' ? [ip] : ip;
  const status = {
    phase: 'Running',
    podIP: ips[0],
    podIPs: ips.map((address) => ({ ip: address })),
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  };
  await api.patch(manifest, { status }, '/status');
}

export interface ObjectiveOptions {
  readonly name: string;
  readonly namespace: string;
  readonly pool: string;
  readonly group?: string;
  readonly priority?: number;
  /** The pool's group. */
  readonly poolGroup?: string;
}

export function objective(options: ObjectiveOptions): Manifest {
  const { name, namespace, group = NEW_GROUP, priority, poolGroup } = options;
  return {
    apiVersion: `${group}/v1alpha2`,
    kind: 'InferenceObjective',
    metadata: { name, namespace },
    spec: {
      ...(priority !== undefined && { priority }),
      poolRef: { name: options.pool, ...(poolGroup && { group: poolGroup }) },
    },
  };
}

export interface RewriteOptions {
  readonly name: string;
  readonly namespace: string;
  readonly pool: string;
  readonly group?: string;
  /** The model the rule is for; every model when absent. */
  readonly model?: string;
  readonly target: string;
}

/** A rewrite of one model to another. */
export function rewrite({ name, namespace, pool: to, group = NEW_GROUP, model, target }: RewriteOptions): Manifest {
  return {
    apiVersion: `${group}/v1alpha2`,
    kind: 'InferenceModelRewrite',
    metadata: { name, namespace },
    spec: {
      poolRef: { name: to },
      rules: [
        {
          ...(model !== undefined && { matches: [{ model: { type: 'Exact', value: model } }] }),
          targets: [{ modelRewrite: target }],
        },
      ],
    },
  };
}

/** The least a picker needs to follow a pool. */
export const PICKER_RULES: readonly (Rule & Required<Pick<Rule, 'apiGroups' | 'resources'>>)[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [POOL_GROUP], resources: ['inferencepools'], verbs: ['list', 'watch'] },
  {
    apiGroups: [NEW_GROUP, LEGACY_GROUP],
    resources: ['inferenceobjectives', 'inferencemodelrewrites'],
    verbs: ['list', 'watch'],
  },
];
