import { execFile } from 'node:child_process';
import { inject } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import type { Api, Manifest } from './api.ts';
import type { Cluster, Rule } from './cluster.ts';
import { destinationRule, gateway, route } from './gateway-manifests.ts';
import { PICKER_RULES, pod, pool, setStatus } from './manifests.ts';

const GRPC = { name: 'grpc-ext-proc', port: 9002, protocol: 'TCP' };

/** Where the picker that all installations share listens. */
export interface PickerPorts {
  readonly grpc: number;
  readonly health: number;
  readonly metrics: number;
}

export interface InstallationOptions {
  readonly namespace: string;
  readonly picker: PickerPorts;
  /** Port of the model server, at 127.0.0.1. */
  readonly serverPort: number;
  readonly rules?: readonly Rule[];
  /** Of the picker, as its pod shows them. */
  readonly args?: readonly string[];
}

/** The objects of an installation behind Istio; a fault is planted by changing or removing one. */
export interface Installation {
  readonly namespace: string;
  readonly pool: Manifest;
  readonly service: Manifest;
  readonly server: Manifest;
  readonly epp: Manifest;
  readonly route: Manifest;
  readonly rule: Manifest;
}

const RULES: readonly Rule[] = [
  ...PICKER_RULES,
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

/** Writes everything a good installation has, statuses of controllers and kubelets included. */
export async function install(cluster: Cluster, options: InstallationOptions): Promise<Installation> {
  const { namespace, picker, serverPort, rules = RULES, args = [] } = options;
  const { api } = cluster;
  await cluster.user(namespace, 'model-epp', rules);
  const server = pod({ name: 'server-a', namespace, labels: { app: 'model' } });
  const installation = {
    namespace,
    pool: pool({ name: 'model', namespace, ports: [serverPort] }),
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'model-epp', namespace },
      spec: {
        selector: { app: 'epp' },
        ports: [{ ...GRPC, targetPort: picker.grpc, appProtocol: 'kubernetes.io/h2c' }],
      },
    },
    server,
    epp: pickerPod(namespace, picker, args),
    route: route({ name: 'chat', namespace, gateway: 'front', pools: ['model'] }),
    rule: destinationRule('model-epp', namespace),
  };
  const front = pod({ name: 'front', namespace, labels: { 'gateway.networking.k8s.io/gateway-name': 'front' } });
  const { epp } = installation;
  await api.apply(
    installation.pool,
    installation.service,
    server,
    epp,
    front,
    gateway('front', namespace),
    installation.route,
    installation.rule,
  );
  for (const each of [server, epp]) await setStatus(api, each, { ip: '127.0.0.1', ready: true });
  await accept(api, installation.pool);
  return installation;
}

/** Why a condition is not true. */
interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** Writes what Istio writes about a pool it routes to; `not` are the conditions that are false. */
export async function accept(api: Api, to: Manifest, not: Readonly<Record<string, Refusal>> = {}): Promise<void> {
  const condition = (type: string): object => ({
    type,
    status: not[type] === undefined ? 'True' : 'False',
    ...(not[type] ?? { reason: type, message: 'all is well' }),
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const parent = {
    controllerName: 'istio.io/inference-pool-controller',
    parentRef: { group: 'networking.istio.io', kind: 'Gateway', name: 'front' },
    conditions: [condition('Accepted'), condition('ResolvedRefs')],
  };
  await api.patch(to, { status: { parents: [parent] } }, '/status');
}

function pickerPod(namespace: string, { health, metrics }: PickerPorts, more: readonly string[]): Manifest {
  const made = pod({ name: 'epp-1', namespace, labels: { app: 'epp' } });
  const args = [`--grpc-health-port=${health}`, `--metrics-port=${metrics}`, '--metrics-endpoint-auth=false', ...more];
  return {
    ...made,
    spec: { serviceAccountName: 'model-epp', containers: [{ name: 'epp', image: 'pointsman', args }], nodeName: 'a' },
  };
}

/** What a run of `pointsman doctor` came to. */
export interface Examination {
  readonly code: number;
  readonly output: string;
  /** Errors and warnings, `severity check: message`. */
  readonly troubles: readonly string[];
  readonly findings: readonly Finding[];
}

/** Runs `pointsman doctor --json` as a process. */
export async function examine(
  kubeconfig: string,
  namespace: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Examination> {
  const all = ['--pool-name=model', `--pool-namespace=${namespace}`, '--json', ...args];
  const { code, output } = await runDoctor(kubeconfig, all, env);
  const { findings } = (output.startsWith('{') ? JSON.parse(output) : { findings: [] }) as { findings: Finding[] };
  const troubles = findings
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ severity, check, message }) => `${severity} ${check}: ${message}`);
  return { code, output, troubles, findings };
}

/** Runs `pointsman doctor` as a process; the output is both streams. */
export function runDoctor(
  kubeconfig: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string }> {
  // Nothing of the machine's own Kubernetes is to be found.
  const { NODE_EXTRA_CA_CERTS: _ca, ...rest } = process.env;
  const clean = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('KUBE')));
  const env = { ...clean, KUBECONFIG: kubeconfig, ...more };
  return new Promise((resolve) => {
    execFile(process.execPath, [inject('pickerMain'), 'doctor', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output: stdout + stderr }),
    );
  });
}
