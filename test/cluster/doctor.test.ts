import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import type { Manifest } from './api.ts';
import { gateway, GATEWAY_GROUP, ISTIO_GROUP, istiodWith, looseCrd, route } from './gateway-manifests.ts';
import {
  accept,
  examine,
  type Examination,
  install,
  type Installation,
  type PickerPorts,
  runDoctor,
} from './installation.ts';
import { NEW_GROUP, PICKER_RULES, pool, POOL_GROUP, setStatus } from './manifests.ts';
import { type PickerProcess, startPickerProcess } from './picker-process.ts';
import { freePorts } from '../kit/server-process.ts';
import { describeCluster } from './suite.ts';

const GOOD = 'doctor-good';

describeCluster('pointsman doctor', (cluster) => {
  let admin = '';
  let server: ModelServer;
  let picker: PickerProcess;
  let cleartext: PickerProcess;
  let ports: PickerPorts;

  beforeAll(async () => {
    const crds = [
      looseCrd(GATEWAY_GROUP, 'Gateway', 'gateways'),
      looseCrd(GATEWAY_GROUP, 'HTTPRoute', 'httproutes'),
      looseCrd(ISTIO_GROUP, 'DestinationRule', 'destinationrules'),
    ];
    await cluster().define(...crds);
    admin = await cluster().admin();
    server = await startModelServer({ name: 'server-a', seed: 1, model: 'chat' });
    const [grpc, health, metrics] = await freePorts(3);
    ports = { grpc, health, metrics };
    await install(cluster(), { namespace: GOOD, picker: ports, serverPort: server.port });
    const args = ['--pool-name=model', `--pool-namespace=${GOOD}`];
    picker = await startPickerProcess({
      kubeconfig: admin,
      args: [
        ...args,
        '--secure-serving=true',
        `--grpc-port=${grpc}`,
        `--grpc-health-port=${health}`,
        `--metrics-port=${metrics}`,
      ],
    });
    cleartext = await startPickerProcess({ kubeconfig: admin, args });
    await picker.untilReady();
  });

  afterAll(async () => {
    await Promise.all([picker?.stop(), cleartext?.stop(), server?.close()]);
  });

  /** The picker is that of the good installation; what it says of its pool is not this one's, so nobody is told where. */
  const installed = (namespace: string, change: object = {}): Promise<Installation> =>
    install(cluster(), { namespace, picker: { ...ports, metrics: 1 }, serverPort: server.port, ...change });
  const look = (namespace: string, ...args: readonly string[]): Promise<Examination> =>
    examine(admin, namespace, ['--timeout=2s', ...args]);

  it('finds nothing wrong with a good installation', async () => {
    const { code, troubles, findings } = await look(GOOD);
    expect(troubles).toEqual([]);
    expect(code).toBe(0);
    const skipped = findings.filter(({ severity }) => severity === 'skipped').map(({ check }) => check);
    expect(skipped).toEqual(['istiod', 'gateway probe']);
    expect(findings.filter(({ severity }) => severity === 'ok').map(({ check }) => check)).toEqual([
      'pool kind',
      'object kinds',
      'gateway api',
      'pool',
      'pool status',
      'pods',
      'picker service',
      'picker pods',
      'permissions',
      'target ports',
      'metrics',
      'picker',
      'certificate',
      'stream limit',
      'picker health',
      'picker view',
      'destination rule',
      'routes',
      'gateway',
    ]);
  });

  it('finds a pool that is missing', async () => {
    const { code, troubles } = await examine(admin, 'default', []);
    expect(code).toBe(1);
    expect(troubles).toContain('error pool: no InferencePool default/model; in this namespace there is none');
  });

  it('finds an endpointPickerRef to no Service', async () => {
    const { namespace, service } = await installed('doctor-ref');
    await cluster().api.remove(service);
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([
      'error picker service: endpointPickerRef names the Service doctor-ref/model-epp, which does not exist: every request is a 500',
    ]);
  });

  it('finds a Service to which gateways do not speak HTTP/2', async () => {
    const { namespace, service } = await installed('doctor-protocol');
    const plain = [{ name: 'picker', port: 9002, protocol: 'TCP', targetPort: ports.grpc }];
    await cluster().api.patch(service, { spec: { ports: plain } });
    const { code, troubles, findings } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([expect.stringContaining('error picker service: gateways do not speak HTTP/2')]);
    expect(findings.find(({ check }) => check === 'picker service')?.fix).toContain('/spec/ports/0/appProtocol');
  });

  it.each(['pods', 'inferencepools', 'inferenceobjectives', 'inferencemodelrewrites'])(
    'finds a permission that is missing: watch %s',
    async (resource) => {
      const rules = PICKER_RULES.flatMap((rule) =>
        rule.resources.map((each) => ({
          ...rule,
          resources: [each],
          verbs: rule.verbs.filter((verb) => each !== resource || verb !== 'watch'),
        })),
      );
      const { namespace } = await installed(`doctor-no-${resource}`, { rules });
      const { code, findings } = await look(namespace);
      expect(code).toBe(1);
      const found = findings.filter(({ check, severity }) => check === 'permissions' && severity === 'error');
      const who = `system:serviceaccount:${namespace}:model-epp`;
      expect(found).toHaveLength(1);
      expect(found[0].message).toContain(`${who} may not watch ${resource} in namespace ${namespace}`);
      expect(found[0].fix).toMatch(new RegExp(`resources: \\[${resource}\\]\n {2}verbs: \\[list, watch\\]`));
    },
  );

  it('finds a selector that matches no pod', async () => {
    const { namespace, pool: made } = await installed('doctor-selector');
    await cluster().api.patch(made, { spec: { selector: { matchLabels: { app: 'modle' } } } });
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual(['error pods: no pod matches app=modle']);
  });

  it('finds a pod that is not ready', async () => {
    const { namespace, server: lazy } = await installed('doctor-unready');
    await setStatus(cluster().api, lazy, { ip: '127.0.0.1', ready: false });
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual(['error pods: 1 of 1 pods are not ready and get no requests: server-a']);
  });

  it('finds a port nobody listens on', async () => {
    const [nobody] = await freePorts(1);
    const { namespace } = await installed('doctor-port', { serverPort: nobody });
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([`error target ports: nobody listens at 127.0.0.1:${nobody} (server-a)`]);
  });

  it('says nothing bad of pods it cannot reach from outside, but does inside', async () => {
    const { namespace, server: far, epp } = await installed('doctor-far');
    // An address for documentation: nobody has it, and what a connection comes to is the network's to say.
    for (const pod of [far, epp]) await setStatus(cluster().api, pod, { ip: '192.0.2.1', ready: true });
    const outside = await examine(admin, namespace, ['--timeout=300ms']);
    expect(outside.troubles).toEqual([
      expect.stringContaining(`warning target ports: no connection to 192.0.2.1:${server.port} (server-a)`),
      expect.stringContaining('warning picker: no connection to epp-1 (192.0.2.1:'),
    ]);
    expect(outside.code).toBe(0);
    const inside = await examine(admin, namespace, ['--timeout=300ms'], { KUBERNETES_SERVICE_HOST: '127.0.0.1' });
    expect(inside.troubles).toEqual([
      expect.stringMatching(/^error target ports: .* 192\.0\.2\.1/),
      expect.stringMatching(/^error picker: .* ?epp-1 \(192\.0\.2\.1:/),
    ]);
    expect(inside.code).toBe(1);
  });

  it.each([
    ['some', 'vllm:num_requests_waiting 1\nvllm:num_requests_running 1\n', 0, 'vllm:kv_cache_usage_perc'],
    ['all', 'other_things 1\n', 1, 'vllm:num_requests_waiting, vllm:num_requests_running'],
  ])('finds a metrics page that lacks %s names', async (which, page, exit, lacking) => {
    const bare = createServer((_, res) => res.end(page)).listen(0, '127.0.0.1');
    onTestFinished(() => void bare.close());
    await once(bare, 'listening');
    const { port } = bare.address() as AddressInfo;
    const { namespace } = await installed(`doctor-metrics-${which}`, { serverPort: port });
    const { code, troubles } = await look(namespace);
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain(`${exit === 1 ? 'error' : 'warning'} metrics: 127.0.0.1:${port}/metrics: `);
    expect(troubles[0]).toContain(lacking);
    expect(code).toBe(exit);
  });

  it('finds a picker with TLS and no DestinationRule', async () => {
    const { namespace, rule } = await installed('doctor-rule');
    await cluster().api.remove(rule);
    const { code, troubles, findings } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([
      'error destination rule: no DestinationRule for the Service model-epp: gateways speak cleartext to a picker that speaks TLS, every request is a 500',
    ]);
    const fix = findings.find(({ check }) => check === 'destination rule')?.fix;
    expect(fix).toContain('host: model-epp.doctor-rule.svc.cluster.local');
  });

  it('finds a picker in cleartext and a DestinationRule for TLS', async () => {
    const { grpcPort, healthPort } = cleartext;
    const plain = { grpc: grpcPort, health: healthPort, metrics: 1 };
    const { namespace } = await installed('doctor-cleartext', { picker: plain });
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([expect.stringContaining('to a picker that speaks cleartext: every request is a 500')]);
  });

  it('finds a CORS filter on the rule', async () => {
    const { namespace } = await installed('doctor-cors');
    const filters = [{ type: 'CORS', cors: { allowOrigins: ['*'] } }];
    await cluster().api.apply(route({ name: 'chat', namespace, gateway: 'front', pools: ['model'], filters }));
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([
      expect.stringContaining('error routes: rule 1 of HTTPRoute doctor-cors/chat has a CORS'),
    ]);
  });

  it('finds two pools in one rule', async () => {
    const { namespace } = await installed('doctor-rules');
    await cluster().api.apply(
      pool({ name: 'other', namespace }),
      route({ name: 'chat', namespace, gateway: 'front', pools: ['model', 'other'] }),
    );
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([
      expect.stringContaining(
        'rule 1 of HTTPRoute doctor-rules/chat has 2 pools (doctor-rules/model, doctor-rules/other)',
      ),
    ]);
  });

  it('finds several pools on one gateway, and gateway pods without the label', async () => {
    const { namespace } = await installed('doctor-gateways');
    const front = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'front', namespace } };
    await cluster().api.remove(front);
    await cluster().api.apply(route({ name: 'more', namespace, gateway: 'front', pools: ['other'] }));
    const { troubles } = await look(namespace);
    expect(troubles).toEqual([
      expect.stringContaining('warning gateway: doctor-gateways/front has 2 pools in 2 HTTPRoutes'),
      expect.stringContaining('error gateway: no pod in doctor-gateways has the label'),
    ]);
    await cluster().api.patch(gateway('front', namespace), { spec: { gatewayClassName: 'other' } });
    expect((await look(namespace)).troubles).toContainEqual(
      expect.stringContaining('warning gateway: no pod in doctor-gateways has the label'),
    );
  });

  it('finds a picker that serves another pool', async () => {
    const other = await startModelServer({ name: 'server-b', seed: 1, model: 'chat' });
    onTestFinished(() => other.close());
    const { namespace } = await installed('doctor-other', { picker: ports, serverPort: other.port });
    const { code, troubles } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([
      `error picker view: the picker at http://127.0.0.1:${ports.metrics}/debug/endpoints does not know 127.0.0.1:${other.port}`,
    ]);
  });

  it('finds what a gateway says of the pool', async () => {
    const { namespace, pool: made } = await installed('doctor-status');
    const why = { reason: 'InvalidExtensionRef', message: 'service not found' };
    await accept(cluster().api, made, { ResolvedRefs: why });
    const { troubles, code } = await look(namespace);
    expect(code).toBe(1);
    expect(troubles).toEqual([
      'error pool status: front: ResolvedRefs is False (InvalidExtensionRef): service not found',
    ]);
  });

  it('finds an istiod that does not look at pools', async () => {
    const { api } = cluster();
    const istiod = istiodWith([]);
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } }, istiod);
    onTestFinished(() => api.remove(istiod));
    const without = await look(GOOD);
    expect(without.code).toBe(1);
    expect(without.troubles).toEqual([expect.stringContaining('error istiod: istiod does not have ENABLE_GATEWAY')]);
    await api.apply(istiodWith([{ name: 'ENABLE_GATEWAY_API_INFERENCE_EXTENSION', value: 'true' }]));
    const flagged = await look(GOOD);
    expect([flagged.code, flagged.troubles]).toEqual([0, []]);
  });

  it('finds leases the picker may not use', async () => {
    const { namespace } = await installed('doctor-leases', { args: ['--ha-enable-leader-election'] });
    const { findings } = await look(namespace);
    const fixes = findings.filter(({ check, severity }) => check === 'permissions' && severity === 'error');
    expect(fixes.map(({ fix }) => fix)).toEqual([
      expect.stringContaining('resources: [leases]\n  verbs: [create]'),
      expect.stringContaining(`resourceNames: [epp-${namespace}-model.llm-d.ai]\n  verbs: [get, update]`),
    ]);
  });

  it('sees whether a gateway asks the picker and does what it says', async () => {
    const asking = await startEmbeddedGateway({ picker: { address: '127.0.0.1', port: ports.grpc, tls: true } });
    onTestFinished(() => asking.stop());
    const asked = await look(GOOD, `--gateway-url=${asking.url}`, '--model=chat');
    expect(asked.troubles).toEqual([]);
    const messages = asked.findings.map(({ message }) => message);
    expect(messages).toContain('the picker was asked for each of 3 requests; they were answered with 200');
    expect(messages).toContain('3 of 3 requests were served by the pod the picker named');
    const text = await runDoctor(admin, ['--pool-name=model', `--pool-namespace=${GOOD}`]);
    expect(text.code).toBe(0);
    expect(text.output).toMatch(/^ok {7}pool kind: InferencePool of .*\n/);
    expect(text.output).toMatch(/\n19 ok, 0 warnings, 0 errors, 2 skipped\n$/);
    // The server itself: what a gateway that passes the picker by looks like.
    const bypassed = await look(GOOD, `--gateway-url=${server.url}`);
    expect(bypassed.code).toBe(1);
    expect(bypassed.troubles).toEqual([expect.stringContaining('error gateway probe: the picker saw 0 of 3 requests')]);
  });

  it('sees a gateway that asks and does not listen, and one whose picker fails', async () => {
    const deaf = createServer((_, res) => {
      const answer = (): void => void res.writeHead(200, { 'x-inference-pod': 'server-z' }).end();
      cleartext.pick('pointsman-doctor').then(answer, answer);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void deaf.close());
    await once(deaf, 'listening');
    const at = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const metrics = `--picker-metrics-url=http://127.0.0.1:${cleartext.metricsPort}/metrics`;
    const strayed = await look(GOOD, `--gateway-url=${at}`, metrics);
    expect(strayed.code).toBe(1);
    expect(strayed.troubles).toEqual([
      'error picks honoured: 3 of 3 requests were served by pods the picker did not name: server-z, server-z, server-z',
    ]);
    const [nobody] = await freePorts(1);
    const lost = await look(GOOD, `--gateway-url=http://127.0.0.1:${nobody}`);
    expect(lost.troubles).toEqual([expect.stringContaining('error gateway probe: no answer from http://127.0.0.1:')]);
    const broken = createServer((_, res) => void res.writeHead(500).end()).listen(0, '127.0.0.1');
    onTestFinished(() => void broken.close());
    await once(broken, 'listening');
    const url = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
    const unread = await look(GOOD, `--gateway-url=${url}`, `--picker-metrics-url=http://127.0.0.1:${nobody}/metrics`);
    expect(unread.troubles).toEqual(['error gateway probe: requests are answered with 500']);
  });

  it('skips what it may not see, and says why', async () => {
    const kubeconfig = await cluster().user(GOOD, 'nobody', []);
    const { code, findings } = await examine(kubeconfig, GOOD, []);
    expect(code).toBe(0);
    const found = findings.find(({ check }) => check === 'pool');
    expect(found).toMatchObject({ severity: 'skipped', message: expect.stringContaining('403') });
  });

  it('ends with 2 for a wrong command line and without a cluster', async () => {
    expect(await runDoctor(admin, [])).toEqual({
      code: 2,
      output: '--pool-name is missing (see pointsman doctor --help)\n',
    });
    const stranger = await cluster().kubeconfig('stranger', 'not-a-token');
    expect(await runDoctor(stranger, ['--pool-name=model'])).toEqual({ code: 2, output: '401 Unauthorized\n' });
    const [nobody] = await freePorts(1);
    const lost = await cluster().kubeconfig('lost', 'x', nobody);
    const { code, output } = await runDoctor(lost, ['--pool-name=model']);
    expect(code).toBe(2);
    expect(output).toMatch(/^API server https:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n$/);
  });

  // Last: it takes the pools away.
  it('finds a definition that is missing, or only the old version', async () => {
    const { api } = cluster();
    const crd = (name: string): Manifest => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
    });
    await api.remove(crd(`inferencepools.${POOL_GROUP}`));
    await cluster().define(looseCrd('inference.networking.x-k8s.io', 'InferencePool', 'inferencepools', 'v1alpha2'));
    const { code, troubles } = await look(GOOD);
    expect(code).toBe(1);
    expect(troubles).toContain(
      `error pool kind: the cluster has no InferencePool of ${POOL_GROUP}/v1; there is only the old inference.networking.x-k8s.io/v1alpha2`,
    );
    await api.remove(crd(`httproutes.${GATEWAY_GROUP}`));
    await api.remove(crd(`inferenceobjectives.${NEW_GROUP}`));
    const after = await look(GOOD);
    expect(after.troubles).toContain(`error gateway api: ${GATEWAY_GROUP}/v1 has no httproutes`);
    expect(after.findings.find(({ check }) => check === 'object kinds')?.message).toContain(
      'inference.networking.x-k8s.io/v1alpha2',
    );
  });
});
