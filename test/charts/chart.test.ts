import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/app/config.ts';
import { parseServeFlags } from '../../src/cli/flag-options.ts';
import { FLAGS } from '../../src/cli/flags.ts';
import { BAD_CASES, CASES } from './cases.ts';
import { configSuite } from './kit.ts';
import { danglingReferences } from './references.ts';
import { at, CHART, helmLint, helmTemplate, type KubeObject, ROOT, theOne, type Values } from './render.ts';
import { KUBERNETES } from './tools.ts';
import { problemsOf } from './validator.ts';

const POD = 'spec.template.spec';
const CONTAINER = `${POD}.containers.0`;

configSuite('the chart', (tools) => {
  it.each(Object.keys(CASES))('%s: every object is right for every Kubernetes', async (name) => {
    expect(problemsOf(tools, await helmTemplate(tools, CASES[name]))).toEqual([]);
  });

  it('does not depend on the release of Kubernetes, from 1.29 on', async () => {
    const values = CASES['shaped like the inference pool chart'];
    const newest = await helmTemplate(tools, values);
    for (const kubernetes of KUBERNETES) {
      expect(await helmTemplate(tools, values, { kubernetes })).toEqual(newest);
    }
    await expect(helmTemplate(tools, values, { kubernetes: '1.28' })).rejects.toThrow('requires kubeVersion: >=1.29.0');
  });

  it.each(Object.keys(CASES))('%s: lints, and every name and selector leads somewhere', async (name) => {
    expect(await helmLint(tools, CASES[name])).toContain('0 chart(s) failed');
    const objects = await helmTemplate(tools, CASES[name]);
    expect(danglingReferences(objects)).toEqual([]);
    const ids = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(Object.keys(CASES))('%s: the picker takes the command line and the configuration', async (name) => {
    const objects = await helmTemplate(tools, CASES[name]);
    const args = at(theOne(objects, 'Deployment'), `${CONTAINER}.args`) as string[];
    const parsed = parseServeFlags(args, { NAMESPACE: 'llm' });
    if (parsed.kind !== 'ok') throw new Error(`${parsed.kind}: ${JSON.stringify(parsed)}`);
    const { configFile } = parsed.options;
    expect(configFile).toMatch(/^\/config\/[^/]+$/);
    const data = theOne(objects, 'ConfigMap')['data'] as Record<string, string>;
    const text = data[configFile?.replace('/config/', '') ?? ''];
    const { config } = await loadConfig({ file: undefined, text, allowExperimental: false });
    expect(config.warnings.filter((warning) => !warning.includes('deprecated'))).toEqual([]);
  });

  it.each(Object.entries(BAD_CASES))('refuses %s', async (_name, [values, message]) => {
    await expect(helmTemplate(tools, values)).rejects.toThrow(message);
  });

  it.each(Object.keys(CASES))('%s: the pod has no rights it does not need', async (name) => {
    const deployment = theOne(await helmTemplate(tools, CASES[name]), 'Deployment');
    expect(at(deployment, `${POD}.securityContext`)).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(deployment, `${CONTAINER}.securityContext`)).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const mounts = at(deployment, `${CONTAINER}.volumeMounts`) as { readOnly: boolean; subPath?: string }[];
    // A subPath would never see the new files of a ConfigMap or Secret.
    expect(mounts.every(({ readOnly, subPath }) => readOnly && subPath === undefined)).toBe(true);
  });

  it('one replica: the probes, the roll-out and the rights of a picker alone', async () => {
    const objects = await helmTemplate(tools, CASES['defaults']);
    const deployment = theOne(objects, 'Deployment');
    expect(at(deployment, `${CONTAINER}.readinessProbe`)).toEqual({
      grpc: { port: 9003, service: 'inference-extension' },
      periodSeconds: 2,
    });
    expect(at(deployment, `${CONTAINER}.livenessProbe.grpc`)).toEqual({ port: 9003, service: 'liveness' });
    expect(at(deployment, 'spec.strategy.rollingUpdate')).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(at(deployment, `${POD}.terminationGracePeriodSeconds`)).toBe(130);
    expect(rights(theOne(objects, 'Role'))).toEqual([...SERVING_RIGHTS, ...EVENT_RIGHTS]);
    expect(rights(theOne(objects, 'ClusterRole'))).toEqual([
      'authentication.k8s.io/tokenreviews: create',
      'authorization.k8s.io/subjectaccessreviews: create',
    ]);
    expect(kinds(objects)).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'ConfigMap',
      'Deployment',
      'InferencePool',
      'Role',
      'RoleBinding',
      'Service',
      'ServiceAccount',
    ]);
  });

  it('several replicas: a leader, its Lease alone, and a budget that never blocks a drain', async () => {
    const objects = await helmTemplate(tools, CASES['three replicas, one leads']);
    const deployment = theOne(objects, 'Deployment');
    expect(at(deployment, `${CONTAINER}.args`)).toContain('--ha-enable-leader-election=true');
    expect(at(deployment, `${CONTAINER}.readinessProbe.grpc`)).toEqual({ port: 9003, service: 'readiness' });
    expect(at(deployment, `${CONTAINER}.livenessProbe.grpc`)).toEqual({ port: 9003, service: 'liveness' });
    expect(at(deployment, 'spec.strategy.rollingUpdate')).toEqual({ maxSurge: '100%', maxUnavailable: '100%' });
    expect(rights(theOne(objects, 'Role'))).toEqual([
      ...SERVING_RIGHTS,
      ...EVENT_RIGHTS,
      'coordination.k8s.io/leases: create',
      'coordination.k8s.io/leases epp-llm-model-pool.llm-d.ai: get update patch',
    ]);
    expect(at(theOne(objects, 'PodDisruptionBudget'), 'spec.maxUnavailable')).toBe('100%');
    const spread = at(deployment, `${POD}.topologySpreadConstraints`) as { topologyKey: string }[];
    expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
  });

  it('several replicas that all serve: one at a time goes, and there is no Lease', async () => {
    const objects = await helmTemplate(tools, CASES['three replicas, all serve']);
    const deployment = theOne(objects, 'Deployment');
    expect(at(deployment, `${CONTAINER}.args`)).toContain('--ha-enable-leader-election=false');
    expect(at(deployment, `${CONTAINER}.readinessProbe.grpc.service`)).toBe('readiness');
    expect(at(deployment, 'spec.strategy.rollingUpdate')).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(at(theOne(objects, 'PodDisruptionBudget'), 'spec.maxUnavailable')).toBe(1);
    expect(rights(theOne(objects, 'Role'))).toEqual([...SERVING_RIGHTS, ...EVENT_RIGHTS]);
  });

  it('one replica that elects: the names its health service knows then', async () => {
    const deployment = theOne(await helmTemplate(tools, CASES['one replica with leader election']), 'Deployment');
    expect(at(deployment, `${CONTAINER}.readinessProbe.grpc.service`)).toBe('readiness');
  });

  it('pods without a pool: no right to pools, the Lease of the Deployment', async () => {
    const objects = await helmTemplate(tools, CASES['pods without a pool']);
    expect(at(theOne(objects, 'Deployment'), `${CONTAINER}.args`)).toEqual(
      expect.arrayContaining(['--endpoint-selector=app=model-server,tier=gpu', '--endpoint-target-ports=8000,8001']),
    );
    expect(rights(theOne(objects, 'Role'))).toEqual([
      '/pods: get list watch',
      ...EVENT_RIGHTS,
      'coordination.k8s.io/leases: create',
      'coordination.k8s.io/leases epp-llm-model-pool-epp.llm-d.ai: get update patch',
    ]);
    expect(kinds(objects)).not.toContain('InferencePool');
  });

  it('TLS: from a Secret and followed, and the gateway is told as much', async () => {
    const own = await helmTemplate(tools, CASES['a certificate from a Secret, Istio']);
    expect(at(theOne(own, 'Deployment'), `${CONTAINER}.args`)).toEqual(
      expect.arrayContaining(['--cert-path=/certs', '--enable-cert-reload=true']),
    );
    expect(at(theOne(own, 'DestinationRule'), 'spec.trafficPolicy')).toEqual({
      tls: { mode: 'SIMPLE', credentialName: 'picker-ca', sni: 'picker.example' },
      connectionPool: { http: { maxRequestsPerConnection: 256_000 } },
    });
    const selfSigned = await helmTemplate(tools, CASES['a self-signed certificate, Istio']);
    expect(at(theOne(selfSigned, 'DestinationRule'), 'spec')).toEqual({
      host: 'model-pool-epp.llm.svc.cluster.local',
      trafficPolicy: { tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
    });
    const cleartext = await helmTemplate(tools, CASES['cleartext, Istio']);
    expect(at(theOne(cleartext, 'DestinationRule'), 'spec.trafficPolicy')).toEqual({ tls: { mode: 'DISABLE' } });
  });

  it('metrics: whoever reads them has a token that opens nothing else', async () => {
    const guarded = await helmTemplate(tools, CASES['a ServiceMonitor with a token']);
    const reader = 'model-pool-epp-metrics-reader';
    expect(theOne(guarded, 'Secret').metadata).toMatchObject({
      name: reader,
      annotations: { 'kubernetes.io/service-account.name': reader },
    });
    expect(rights(theOne(guarded, 'ClusterRole', `llm-${reader}`))).toEqual(['/metrics: get']);
    expect(at(theOne(guarded, 'ServiceMonitor'), 'spec.endpoints.0.authorization.credentials')).toEqual({
      name: reader,
      key: 'token',
    });
    const open = await helmTemplate(tools, CASES['a PodMonitor without a token']);
    expect(at(theOne(open, 'Deployment'), `${CONTAINER}.args`)).toContain('--metrics-endpoint-auth=false');
    expect(kinds(open).filter((kind) => kind.startsWith('Cluster') || kind === 'Secret')).toEqual([]);
    expect(at(theOne(open, 'PodMonitor'), 'spec.podMetricsEndpoints')).toEqual([
      { port: 'metrics', path: '/metrics', interval: '30s' },
    ]);
  });

  it('the network policy lets in the gateways and out to servers, the API server and names', async () => {
    const policy = theOne(await helmTemplate(tools, CASES['a network policy']), 'NetworkPolicy');
    expect(at(policy, 'spec.ingress')).toEqual([
      {
        from: [
          {
            namespaceSelector: {},
            podSelector: {
              matchExpressions: [{ key: 'gateway.networking.k8s.io/gateway-name', operator: 'Exists' }],
            },
          },
        ],
        ports: [{ port: 'grpc', protocol: 'TCP' }],
      },
      { ports: [{ port: 'metrics', protocol: 'TCP' }] },
    ]);
    const full = theOne(await helmTemplate(tools, CASES['a network policy with everything named']), 'NetworkPolicy');
    const egress = at(full, 'spec.egress') as { ports?: { port: number }[] }[];
    expect(egress.map(({ ports }) => ports?.map(({ port }) => port))).toEqual([
      [8000, 8001],
      [6443],
      [53, 53],
      [14_317],
      undefined,
    ]);
  });

  it('large numbers in flags stay numbers', async () => {
    const deployment = theOne(await helmTemplate(tools, CASES['every knob of the pod']), 'Deployment');
    expect(at(deployment, `${CONTAINER}.args`)).toEqual(
      expect.arrayContaining(['--grpc-max-recv-msg-size=20000000', '--grpc-port=9102', '--v=4']),
    );
    expect(at(deployment, `${CONTAINER}.image`)).toBe('registry.example/team/pointsman:v1');
    expect(at(deployment, `${POD}.securityContext`)).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  it('a configuration given as a flag takes the place of the file', async () => {
    const flags = { 'config-text': 'plugins: [{type: queue-scorer}]' };
    const objects = await helmTemplate(tools, { ...CASES['defaults'], inferenceExtension: { flags } });
    const args = at(theOne(objects, 'Deployment'), `${CONTAINER}.args`) as string[];
    expect(args.filter((arg) => arg.startsWith('--config-'))).toEqual([`--config-text=${flags['config-text']}`]);
  });

  it("the router chart's values make the same objects as the older ones", async () => {
    const render = (name: string): Promise<readonly KubeObject[]> => helmTemplate(tools, CASES[name]);
    expect(await render('shaped like the router chart')).toEqual(await render('shaped like the inference pool chart'));
  });

  it("what router values switch off is off, though the chart's own default is on", async () => {
    const values: Values = {
      router: {
        modelServers: { matchLabels: { app: 'x' } },
        monitoring: { prometheus: { enabled: true, auth: { enabled: false } } },
      },
    };
    const objects = await helmTemplate(tools, values);
    expect(at(theOne(objects, 'Deployment'), `${CONTAINER}.args`)).toContain('--metrics-endpoint-auth=false');
  });

  it.each([
    [['llm-d.ai/v1alpha2', 'inference.networking.x-k8s.io/v1alpha2'], 'llm-d.ai/v1alpha2'],
    [['inference.networking.x-k8s.io/v1alpha2'], 'inference.networking.x-k8s.io/v1alpha2'],
    [[], 'llm-d.ai/v1alpha2'],
  ])('objectives on a cluster with %j are %s', async (apiVersions, expected) => {
    const objects = await helmTemplate(tools, CASES['a route and objectives'], { apiVersions });
    const objectives = objects.filter(({ kind }) => kind === 'InferenceObjective');
    expect(objectives.map(({ apiVersion }) => apiVersion)).toEqual([expected, expected]);
  });
});

describe('the chart and the program', () => {
  it('know the same flags', () => {
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const listed = schema.definitions.picker.properties.flags.properties as Record<string, { $ref: string }>;
    const types: Record<string, string> = { bool: 'switch', int: 'count', duration: 'goDuration' };
    const expected = FLAGS.filter(({ support }) => support !== 'removed').map(({ name, type }) => [
      name,
      { $ref: `#/definitions/${types[type] ?? 'text'}` },
    ]);
    expect(listed).toEqual(Object.fromEntries(expected));
  });

  it('have the same version', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
    expect([chart.version, chart.appVersion]).toEqual([version, version]);
  });
});

const SERVING_RIGHTS = [
  '/pods: get list watch',
  'inference.networking.k8s.io/inferencepools: get list watch',
  'llm-d.ai/inferenceobjectives: get list watch',
  'llm-d.ai/inferencemodelrewrites: get list watch',
  'inference.networking.x-k8s.io/inferenceobjectives: get list watch',
  'inference.networking.x-k8s.io/inferencemodelrewrites: get list watch',
];
const EVENT_RIGHTS = ['events.k8s.io/events: create patch'];

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** A role's rules, one line for each resource. */
function rights(role: KubeObject): string[] {
  return (role['rules'] as Rule[]).flatMap(({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }) => [
    ...(nonResourceURLs ?? []).map((url) => `${url}: ${verbs.join(' ')}`),
    ...(apiGroups ?? []).flatMap((group) =>
      (resources ?? []).map(
        (resource) => `${[`${group}/${resource}`, ...(resourceNames ?? [])].join(' ')}: ${verbs.join(' ')}`,
      ),
    ),
  ]);
}

function kinds(objects: readonly KubeObject[]): string[] {
  return objects.map(({ kind }) => kind).sort();
}
