import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import type { Manifest } from './api.ts';
import { manifestRules } from './chart-rights.ts';
import { PICKER_RULES, pod, pool, setStatus } from './manifests.ts';
import { runPicker } from './picker-process.ts';
import { describeCluster, startPicker } from './suite.ts';

interface KubeEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: Readonly<Record<string, string>>;
  readonly series?: { readonly count: number };
}

describeCluster('events about a pool', (cluster) => {
  let count = 0;
  let namespace = '';
  let kubeconfig = '';
  let folder = '';
  let thePool: Manifest;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-events-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    namespace = `events-${++count}`;
    kubeconfig = await cluster().user(namespace, 'picker', manifestRules());
    thePool = pool({ name: 'vllm', namespace });
    await cluster().api.apply(thePool);
  });

  const args = (...more: string[]) => ['--pool-name=vllm', `--pool-namespace=${namespace}`, ...more];
  const events = async (): Promise<readonly KubeEvent[]> => {
    const list = await cluster().api.call('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
    return (list as { items: KubeEvent[] }).items;
  };
  const arrives = async (reason: string): Promise<KubeEvent> => {
    await eventually(reason, async () => (await events()).some((event) => event.reason === reason));
    return (await events()).find((event) => event.reason === reason) as KubeEvent;
  };
  const regarding = async () => ({
    apiVersion: 'inference.networking.k8s.io/v1',
    kind: 'InferencePool',
    namespace,
    name: 'vllm',
    uid: ((await cluster().api.get(thePool))['metadata'] as { uid: string }).uid,
  });

  it('say that nobody is ready, on the pool that kubectl describes, once', async () => {
    const picker = await startPicker({ kubeconfig, args: args() });
    const event = await arrives('NoReadyEndpoints');
    expect(event).toMatchObject({
      type: 'Warning',
      note: "no pod the pool's selector matches is ready: every request is answered with 503",
      regarding: await regarding(),
    });
    // What `kubectl describe` asks for.
    const { uid } = await regarding();
    const selector = encodeURIComponent(`involvedObject.uid=${uid},involvedObject.name=vllm`);
    const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${selector}`;
    expect(((await cluster().api.call('GET', path)) as { items: unknown[] }).items.length).toBe(1);
    // A second replica finds it there and counts on.
    await startPicker({ kubeconfig, args: args() });
    await eventually('it is counted', async () => (await events())[0].series?.count === 2);
    expect((await events()).length).toBe(1);
    expect(await picker.metric('llm_d_epp_discovery_errors_total')).toBe(0);
  });

  it('are none where a server is ready in time', async () => {
    const server = pod({ name: 'a', namespace, labels: { app: 'vllm' } });
    await cluster().api.apply(server);
    await setStatus(cluster().api, server, { ip: '127.0.0.9', ready: true });
    const config = join(folder, 'good.yaml');
    await writeFile(config, GOOD);
    const picker = await startPicker({ kubeconfig, args: args(`--config-file=${config}`) });
    await picker.untilReady();
    await writeFile(config, BAD);
    const event = await arrives('ConfigurationRefused');
    expect(event.note).toMatch(/good\.yaml:\d+:\d+: .*no-such-scorer/);
    expect(event.regarding).toEqual(await regarding());
    expect((await events()).length).toBe(1);
    expect(await picker.probe()).toBe('SERVING');
  });

  it('say that a parser does not fit', async () => {
    const config = join(folder, 'grpc.yaml');
    await writeFile(config, GRPC);
    const picker = await startPicker({ kubeconfig, args: args(`--config-file=${config}`) });
    const event = await arrives('ProtocolMismatch');
    expect(event.note).toContain("the pool's appProtocol is http");
    expect(await picker.probe('readiness')).toBe('NOT_SERVING');
  });

  it('say why a picker does not start', async () => {
    const config = join(folder, 'bad.yaml');
    await writeFile(config, BAD);
    const { code } = await runPicker({ kubeconfig, args: args(`--config-file=${config}`) });
    expect(code).toBe(1);
    const [event] = await events();
    expect(event).toMatchObject({ reason: 'ConfigurationRefused', regarding: await regarding() });
    expect(event.note).toContain('no-such-scorer');
  });

  it('that may not be written hurt nobody, and the right is named', async () => {
    const poor = await cluster().user(namespace, 'poor', PICKER_RULES);
    const server = pod({ name: 'a', namespace, labels: { app: 'vllm' } });
    const picker = await startPicker({ kubeconfig: poor, args: args() });
    await eventually('it is told', () =>
      picker.said(`an event about the pool could not be written: 403 events.events.k8s.io is forbidden`),
    );
    await cluster().api.apply(server);
    await setStatus(cluster().api, server, { ip: '127.0.0.9', ready: true });
    await picker.untilReady();
    expect((await picker.pick()).destination).toContain('127.0.0.9:8000');
  });
});

const GOOD = `apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
`;
const BAD = GOOD.replaceAll('queue-scorer', 'no-such-scorer');
const GRPC = `apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: vllmgrpc-parser
- type: queue-scorer
requestHandler:
  parsers:
  - pluginRef: vllmgrpc-parser
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
`;
