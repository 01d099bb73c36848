import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import type { Manifest } from './api.ts';
import { objective, PICKER_RULES, pod, pool, setStatus } from './manifests.ts';
import type { PickerProcess } from './picker-process.ts';
import { describeCluster, report, startPicker, timeUntil } from './suite.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Watches every look at the pool, and remembers how many endpoints each had. */
class Witness {
  readonly #picker: PickerProcess;
  readonly seen = new Set<string>();
  #looking = true;
  readonly #done: Promise<void>;

  constructor(picker: PickerProcess) {
    this.#picker = picker;
    this.#done = this.#look();
  }

  async #look(): Promise<void> {
    while (this.#looking) this.seen.add((await this.#picker.names()).join());
  }

  async stop(): Promise<string[]> {
    this.#looking = false;
    await this.#done;
    return [...this.seen];
  }
}

describeCluster('an API server that fails', (cluster) => {
  let count = 0;
  let namespace = '';
  let network: TcpProxy;
  let picker: PickerProcess;
  let pods: Manifest[] = [];

  beforeEach(async () => {
    namespace = `faults-${++count}`;
    network = await startTcpProxy(cluster().port);
    const kubeconfig = await cluster().user(namespace, 'picker', PICKER_RULES, { port: network.port });
    const { api } = cluster();
    pods = [0, 1, 2, 3].map((i) => pod({ name: `p${i}`, namespace, labels: { app: 'vllm' } }));
    const gold = objective({ name: 'gold', namespace, pool: 'vllm', priority: 5 });
    await api.apply(pool({ name: 'vllm', namespace }), gold, ...pods);
    for (const [i, manifest] of pods.entries()) await setStatus(api, manifest, { ip: `127.0.0.${i + 1}`, ready: true });
    picker = await startPicker({ kubeconfig, args: ['--pool-name=vllm', `--pool-namespace=${namespace}`] });
    await picker.until(...names(0, 1, 2, 3));
    await picker.untilReady();
  });
  afterEach(() => network.close());

  const names = (...indexes: number[]) => indexes.map((i) => `p${i}-rank-0 127.0.0.${i + 1}:8000`);
  const connected = async (is: 0 | 1): Promise<boolean> => {
    const page = await picker.page('/metrics');
    const lines = page.split('\n').filter((line) => line.startsWith('llm_d_epp_discovery_connected{'));
    return lines.length === 4 && lines.every((line) => line.endsWith(` ${is}`));
  };
  const isServed = async () => {
    const labels = 'priority="5"';
    const before = await picker.metric('llm_d_epp_request_total', labels);
    const { destination } = await picker.pick('m', { 'x-llm-d-inference-objective': 'gold' });
    return destination !== undefined && (await picker.metric('llm_d_epp_request_total', labels)) === before + 1;
  };

  it('is missed and said so, while the last known endpoints and objectives serve on', async () => {
    const witness = new Witness(picker);
    await cluster().stopApiServer();
    await eventually('it is told', () => picker.said('the last known 4 endpoints stay'));
    await eventually('every watch is lost', () => connected(0));
    const { ready, conditions, discovery } = await picker.health();
    expect([ready, conditions['synced'], discovery.endpoints]).toEqual([true, 'ok', 4]);
    expect(discovery.outages.map(({ resource }) => resource).toSorted()).toEqual([
      'inferencemodelrewrites',
      'inferenceobjectives',
      'inferencepools',
      'pods',
    ]);
    expect(await isServed()).toBe(true);
    expect([await picker.probe(), await picker.probe('liveness')]).toEqual(['SERVING', 'SERVING']);
    const told = picker.lines.filter(({ msg }) => msg?.includes('endpoints stay')).length;
    await cluster().startApiServer();
    const backMs = await timeUntil('every watch is back', () => connected(1));
    await eventually('its return is told', () => picker.said('the API server answers again'));
    expect(await witness.stop()).toEqual([names(0, 1, 2, 3).join()]);
    expect(told).toBeLessThanOrEqual(4);
    report(`all watches back ${backMs.toFixed(0)} ms after the API server is ready again`);
  });

  it('may restart in the middle of a watch: what changed meanwhile is caught up, nothing lost or invented', async () => {
    const witness = new Witness(picker);
    network.set('refuse');
    await eventually('every watch is lost', () => connected(0));
    const { api } = cluster();
    await api.remove(pods[0]);
    await setStatus(api, pods[1], { ip: '127.0.0.2', ready: false });
    await cluster().restartApiServer();
    expect(await picker.names()).toEqual(names(0, 1, 2, 3));
    network.set('pass');
    await picker.until(...names(2, 3));
    await eventually('every watch is back', () => connected(1));
    await setStatus(cluster().api, pods[1], { ip: '127.0.0.2', ready: true });
    await picker.until(...names(1, 2, 3));
    expect(await witness.stop()).toEqual([names(0, 1, 2, 3), names(2, 3), names(1, 2, 3)].map((list) => list.join()));
    expect(await isServed()).toBe(true);
  });

  it('may forget its history (410): everything is listed anew, nothing lost or invented', async () => {
    const witness = new Witness(picker);
    network.set('refuse');
    await eventually('every watch is lost', () => connected(0));
    const { api } = cluster();
    await api.remove(pods[0]);
    const late = pod({ name: 'p9', namespace, labels: { app: 'vllm' } });
    await api.apply(late);
    await setStatus(api, late, { ip: '127.0.0.10', ready: true });
    await api.patch(objective({ name: 'gold', namespace, pool: 'vllm' }), { metadata: { labels: { touched: 'yes' } } });
    await cluster().compact();
    await cluster().restartApiServer();
    network.set('pass');
    await picker.until(...names(1, 2, 3, 9));
    expect(await picker.metric('llm_d_epp_discovery_errors_total', 'resource="pods",reason="expired"')).toBeGreaterThan(
      0,
    );
    expect(await witness.stop()).toEqual([names(0, 1, 2, 3), names(1, 2, 3, 9)].map((list) => list.join()));
    await eventually('every watch is back', () => connected(1));
    await cluster().api.remove(late);
    await picker.until(...names(1, 2, 3));
    expect(await isServed()).toBe(true);
  });

  it('may be away when the picker starts', async () => {
    await cluster().stopApiServer();
    const kubeconfig = await cluster().kubeconfig('later', 'admin-token', network.port);
    const early = await startPicker({ kubeconfig, args: ['--pool-name=vllm', `--pool-namespace=${namespace}`] });
    await eventually('the reason', async () => {
      const { conditions } = await early.health();
      return /vllm was not read yet: API server https:\/\/127\.0\.0\.1:\d+: /.test(conditions['synced'] ?? '');
    });
    expect([await early.probe(), await early.probe('liveness')]).toEqual(['NOT_SERVING', 'SERVING']);
    expect(await early.pick()).toEqual({ destination: undefined, refused: 503 });
    await cluster().startApiServer();
    await early.until(...names(0, 1, 2, 3));
    await early.untilReady();
  });

  // A watch is given up after 90 s of silence.
  const isFull = process.env['CLUSTER_FULL'] === '1';
  it.runIf(isFull)('may be lost without a word: a silent watch is given up', { timeout: 240_000 }, async () => {
    network.set('stall');
    network.set('pass');
    await cluster().api.remove(pods[0]);
    const deadline = performance.now() + 150_000;
    const seconds = (): number => 150 - (deadline - performance.now()) / 1_000;
    while ((await picker.names()).length === 4 && performance.now() < deadline) await delay(100);
    report(`a silent connection was given up after ${seconds().toFixed(0)} s`);
    await picker.until(...names(1, 2, 3));
    expect(await picker.metric('llm_d_epp_discovery_errors_total')).toBe(0);
  });
});
