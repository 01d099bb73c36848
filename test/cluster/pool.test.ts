import { beforeEach, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import { inParallel, type Manifest } from './api.ts';
import { objective, PICKER_RULES, pod, pool, setStatus } from './manifests.ts';
import { runPicker } from './picker-process.ts';
import { describeCluster, report, startPicker, timeUntil } from './suite.ts';

describeCluster('a pool', (cluster) => {
  let count = 0;
  let namespace = '';
  let kubeconfig = '';
  beforeEach(async () => {
    namespace = `pool-${++count}`;
    kubeconfig = await cluster().user(namespace, 'picker', PICKER_RULES);
  });

  const start = (...args: readonly string[]) =>
    startPicker({ kubeconfig, args: ['--pool-name=vllm', `--pool-namespace=${namespace}`, ...args] });

  const readyPod = async (
    name: string,
    ip: string | readonly string[],
    options: { labels?: Record<string, string>; annotations?: Record<string, string> } = {},
  ): Promise<Manifest> => {
    const manifest = pod({ name, namespace, labels: { app: 'vllm' }, ...options });
    await cluster().api.apply(manifest);
    await setStatus(cluster().api, manifest, { ip, ready: true });
    return manifest;
  };

  it('is found when it is there before the picker', async () => {
    await cluster().api.apply(pool({ name: 'vllm', namespace, ports: [8000, 8001] }));
    await readyPod('a', '127.0.0.9');
    const picker = await start();
    await picker.until('a-rank-0 127.0.0.9:8000', 'a-rank-1 127.0.0.9:8001');
    await picker.untilReady();
    const { destination } = await picker.pick();
    expect(destination?.split(',').toSorted()).toEqual(['127.0.0.9:8000', '127.0.0.9:8001']);
    expect((await picker.endpoints())[0]?.labels).toEqual({ app: 'vllm', 'kubernetes.io/hostname': 'node-a' });
    await eventually('the attempt is counted by pod', async () => {
      const labels = `endpoint_name="a",namespace="${namespace}"`;
      return (await picker.metric('llm_d_epp_scheduler_attempts_total', labels)) === 1;
    });
  });

  it('is waited for when it is made after the picker: alive, not ready, refusing with 503', async () => {
    const picker = await start();
    await eventually('the reason', async () => {
      const { conditions } = await picker.health();
      return conditions['synced'] === `InferencePool ${namespace}/vllm does not exist`;
    });
    const services = ['', 'readiness', 'liveness', 'inference-extension'];
    const probes = () => Promise.all(services.map((service) => picker.probe(service)));
    expect(await probes()).toEqual(['NOT_SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING']);
    expect(await picker.pick()).toEqual({ destination: undefined, refused: 503 });
    await readyPod('a', '127.0.0.9');
    await cluster().api.apply(pool({ name: 'vllm', namespace }));
    await picker.until('a-rank-0 127.0.0.9:8000');
    await picker.untilReady();
    expect(await probes()).toEqual(['SERVING', 'SERVING', 'SERVING', 'SERVING']);
  });

  it('gets pods as they become ready and loses them as they are deleted, 500 at a time, within 2 s', async () => {
    const { api } = cluster();
    await api.apply(pool({ name: 'vllm', namespace }));
    const picker = await start();
    await picker.untilReady();
    const pods = Array.from({ length: 500 }, (_, i) => pod({ name: `p${i}`, namespace, labels: { app: 'vllm' } }));
    const address = (i: number) => `127.1.${Math.floor(i / 250)}.${(i % 250) + 1}`;
    const has = (endpoints: number) => async () => (await picker.health()).discovery.endpoints === endpoints;
    await inParallel(pods, (manifest) => api.apply(manifest));
    expect(await picker.names()).toEqual([]);
    await inParallel(pods.entries(), ([i, manifest]) => setStatus(api, manifest, { ip: address(i), ready: true }));
    const readyMs = await timeUntil('500 endpoints', has(500));
    await inParallel(pods.slice(0, 250), (manifest) => api.remove(manifest));
    const deletedMs = await timeUntil('250 endpoints', has(250));
    const left = pods.slice(250).map((_, i) => `p${i + 250}-rank-0 ${address(i + 250)}:8000`);
    expect(await picker.names()).toEqual(left.toSorted());
    expect(await picker.metric('llm_d_epp_discovery_errors_total')).toBe(0);
    report(`500 pods ready: seen ${readyMs.toFixed(0)} ms after the last; 250 deleted: ${deletedMs.toFixed(0)} ms`);
    expect([readyMs < 2_000, deletedMs < 2_000]).toEqual([true, true]);
  });

  it('drops a pod that turns unready, loses its label, or is being deleted, and takes it back', async () => {
    const { api } = cluster();
    await api.apply(pool({ name: 'vllm', namespace }));
    const [a, b] = [await readyPod('a', '127.0.0.9'), await readyPod('b', '127.0.0.10')];
    const picker = await start();
    const both = ['a-rank-0 127.0.0.9:8000', 'b-rank-0 127.0.0.10:8000'];
    await picker.until(...both);
    await setStatus(api, a, { ip: '127.0.0.9', ready: false });
    await picker.until(...both.slice(1));
    await setStatus(api, a, { ip: '127.0.0.9', ready: true });
    await picker.until(...both);
    await api.patch(a, { metadata: { labels: { app: null } } });
    await picker.until(...both.slice(1));
    await api.patch(a, { metadata: { labels: { app: 'vllm' } } });
    await picker.until(...both);
    // A finalizer keeps it there, as a kubelet's grace period does.
    await api.patch(b, { metadata: { finalizers: ['test.example/hold'] } });
    await api.remove(b);
    await picker.until(...both.slice(0, 1));
    expect(await api.get(b)).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) } });
    await api.patch(b, { metadata: { finalizers: null } });
    expect(await picker.names()).toEqual(both.slice(0, 1));
  });

  it('has the ports its pods say are active, warns of one that says none, and takes IPv6 in brackets', async () => {
    const { api } = cluster();
    await api.apply(pool({ name: 'vllm', namespace, ports: [8000, 8001] }));
    await readyPod('a', ['127.0.0.9', '::1'], { annotations: { 'llm-d.ai/active-ports': '8001' } });
    await readyPod('b', ['::1', '127.0.0.9'], { annotations: { 'inference.networking.k8s.io/active-ports': '8000' } });
    await readyPod('c', '127.0.0.11', { annotations: { 'llm-d.ai/active-ports': 'all' } });
    const picker = await start();
    await picker.until('a-rank-1 127.0.0.9:8001', 'b-rank-0 [::1]:8000');
    const { destination } = await picker.pick();
    expect(destination?.split(',').toSorted()).toEqual(['127.0.0.9:8001', '[::1]:8000']);
    expect(picker.said(`pod ${namespace}/c gets no requests: its annotation llm-d.ai/active-ports is "all"`)).toBe(
      true,
    );
  });

  it('may change its ports and its selector', async () => {
    const { api } = cluster();
    await api.apply(pool({ name: 'vllm', namespace }));
    await readyPod('a', '127.0.0.9');
    await readyPod('b', '127.0.0.10', { labels: { app: 'vllm', tier: 'new' } });
    await readyPod('c', '127.0.0.11', { labels: { tier: 'new' } });
    const picker = await start();
    await picker.until('a-rank-0 127.0.0.9:8000', 'b-rank-0 127.0.0.10:8000');
    await api.apply(pool({ name: 'vllm', namespace, ports: [9000, 8000] }));
    const ranks = ['a-rank-0 127.0.0.9:9000', 'a-rank-1 127.0.0.9:8000'];
    await picker.until(...ranks, ...ranks.map((name) => name.replace('a-', 'b-').replace('0.9', '0.10')));
    await api.patch(pool({ name: 'vllm', namespace }), {
      spec: { selector: { matchLabels: { app: null, tier: 'new' } }, targetPorts: [{ number: 7000 }] },
    });
    await picker.until('b-rank-0 127.0.0.10:7000', 'c-rank-0 127.0.0.11:7000');
    await picker.untilReady();
  });

  it('may be deleted and made again: no endpoints and not ready without it, objectives stay', async () => {
    const { api } = cluster();
    const own = pool({ name: 'vllm', namespace });
    await api.apply(own, objective({ name: 'gold', namespace, pool: 'vllm', priority: 3 }));
    await readyPod('a', '127.0.0.9');
    const picker = await start();
    await picker.until('a-rank-0 127.0.0.9:8000');
    await picker.untilReady();
    const priorityOf = async (name: string) => {
      await picker.pick(`m-${name}`, { 'x-llm-d-inference-objective': name });
      return picker.metric('llm_d_epp_request_total', 'priority="3"');
    };
    expect(await priorityOf('gold')).toBe(1);
    await api.remove(own);
    await picker.until();
    expect([await picker.probe('readiness'), await picker.probe('liveness')]).toEqual(['NOT_SERVING', 'SERVING']);
    expect(await picker.pick()).toEqual({ destination: undefined, refused: 503 });
    await api.apply(own);
    await picker.until('a-rank-0 127.0.0.9:8000');
    await picker.untilReady();
    expect(await priorityOf('gold')).toBe(2);
  });

  it('must speak what the parsers are for', async () => {
    const { api } = cluster();
    await api.apply(pool({ name: 'vllm', namespace }));
    await readyPod('a', '127.0.0.9');
    const config = JSON.stringify({
      apiVersion: 'llm-d.ai/v1alpha1',
      kind: 'EndpointPickerConfig',
      plugins: [{ type: 'vllmgrpc-parser' }, { type: 'max-score-picker' }],
      requestHandler: { parsers: [{ pluginRef: 'vllmgrpc-parser' }] },
    });
    const picker = await start(`--config-text=${config}`);
    await picker.until('a-rank-0 127.0.0.9:8000');
    const why = "parser 'vllmgrpc-parser' is for servers that speak kubernetes.io/h2c, the pool's appProtocol is http";
    await eventually('the reason', () => picker.said(`not ready: ${why}`));
    expect([await picker.probe('readiness'), await picker.probe('liveness')]).toEqual(['NOT_SERVING', 'SERVING']);
    expect((await picker.health()).conditions['protocol']).toBe(why);
    await api.apply(pool({ name: 'vllm', namespace, appProtocol: 'kubernetes.io/h2c' }));
    await picker.untilReady();
  });

  it('may be replaced by a selector, without any InferencePool', async () => {
    await readyPod('a', '127.0.0.9', { labels: { app: 'sim', tier: 'x' } });
    await readyPod('b', '127.0.0.10', { labels: { app: 'sim', tier: 'y' } });
    await cluster().api.apply(pool({ name: 'vllm', namespace, ports: [1] }));
    const pods = [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }];
    kubeconfig = await cluster().user(namespace, 'standalone', pods);
    const flags = ['--endpoint-selector=app=sim,tier notin (z, y)', '--endpoint-target-ports=8000,8001,8000'];
    const args = [...flags, `--pool-namespace=${namespace}`, '--refresh-prometheus-metrics-interval=100ms'];
    const picker = await startPicker({ kubeconfig, args, env: { POD_NAME: 'my-epp-7c9d8f6b5-x2k4z' } });
    await picker.until('a-rank-0 127.0.0.9:8000', 'a-rank-1 127.0.0.9:8001');
    await picker.untilReady();
    await readyPod('c', '127.0.0.11', { labels: { app: 'sim' } });
    await eventually('four endpoints', async () => (await picker.names()).length === 4);
    await eventually('the pool’s name', async () => {
      return (await picker.metric('llm_d_epp_ready_endpoints', 'name="my-epp"')) === 4;
    });
    const without = await runPicker({ kubeconfig, args, env: { POD_NAME: '' } });
    expect([without.code, without.log]).toEqual([
      1,
      expect.stringContaining('needs the environment variable POD_NAME'),
    ]);
  });

  it('refuses to start with both an objects file and a pool', async () => {
    const args = ['--pool-name=vllm', '--objects-file=/dev/null'];
    const { code, log } = await runPicker({ kubeconfig, args });
    expect([code, log]).toEqual([1, expect.stringContaining('--objects-file cannot be used with --pool-name')]);
  });
});
