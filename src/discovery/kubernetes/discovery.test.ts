import { setImmediate } from 'node:timers/promises';
import { array, assert, asyncProperty, constantFrom, oneof, record } from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/kit/eventually.ts';
import { MemoryApi, testTiming } from '../../../test/kit/kubernetes.ts';
import type { EndpointSpec } from '../../core/endpoint.ts';
import { ApiError, errorOf } from '../../kubernetes/api-error.ts';
import { KubernetesDiscovery, type PoolTarget } from './discovery.ts';

const NAMESPACE = 'llm';
const POOL_GROUP = 'inference.networking.k8s.io';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const POOLS = `/apis/${POOL_GROUP}/v1/namespaces/${NAMESPACE}/inferencepools`;
const NEW = '/apis/llm-d.ai/v1alpha2';
const OLD = '/apis/inference.networking.x-k8s.io/v1alpha2';
const KINDS = ['inferenceobjectives', 'inferencemodelrewrites'];
const THE_POOL: PoolTarget = { kind: 'pool', name: 'vllm', group: POOL_GROUP };

const open: KubernetesDiscovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

function rig(api: MemoryApi, target: PoolTarget = THE_POOL) {
  const lines: string[] = [];
  const replaced: (readonly EndpointSpec[])[] = [];
  /** Every reason for not knowing that was ever given. */
  const reasons = new Set<string>();
  let objects: string[] = [];
  let objectLoads = 0;
  const timing = testTiming();
  const note = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const discovery: KubernetesDiscovery = new KubernetesDiscovery({
    api,
    namespace: NAMESPACE,
    target,
    timing,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    endpoints: { replace: (specs) => void replaced.push(specs) },
    objects: {
      replace(objectives, rewrites) {
        objectLoads++;
        objects = [
          ...objectives.map(({ name, priority }) => `${name} ${priority}`),
          ...rewrites.map(({ name }) => name),
        ];
      },
    },
    observer: { failed() {}, connected() {}, forgot() {} },
    onState: () => void reasons.add(discovery.state.unknown ?? ''),
  });
  open.push(discovery);
  discovery.start();
  const names = () => (replaced.at(-1) ?? []).map(({ name, port }) => `${name}:${port}`).toSorted();
  return {
    discovery,
    lines,
    timing,
    reasons,
    replaced,
    names,
    objects: () => objects,
    objectLoads: () => objectLoads,
    known: () => eventually('everything is known', () => discovery.state.unknown === undefined),
    until: (...want: string[]) => eventually(want.join(), () => names().join() === want.join()),
    untilObjects: (...want: string[]) => eventually(want.join(), () => objects.join() === want.join()),
  };
}

function poolOf(labels: Record<string, string>, ports: readonly number[] = [8000]) {
  return { spec: { selector: { matchLabels: labels }, targetPorts: ports.map((number) => ({ number })) } };
}

function podOf(labels: Record<string, string>, ready = true) {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return { metadata: { labels }, status: { podIP: '10.0.0.1', conditions } };
}

function objectiveOf(priority: number, pool = 'vllm') {
  return {
    apiVersion: 'x',
    kind: 'InferenceObjective',
    spec: { priority, poolRef: { name: pool, group: POOL_GROUP } },
  };
}

describe('discovery of a pool', () => {
  it('does not call the pool known before its endpoints are in place', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    const { discovery, names } = rig(api);
    while (discovery.state.unknown !== undefined) await setImmediate();
    expect([names(), discovery.state.endpoints]).toEqual([['a-rank-0:8000'], 1]);
  });

  it('waits for a pool that comes later, and says so', async () => {
    const api = new MemoryApi();
    const { discovery, until, known, replaced } = rig(api);
    expect(discovery.state.unknown).toBe('InferencePool llm/vllm was not read yet');
    await eventually('no pool', () => discovery.state.unknown === 'InferencePool llm/vllm does not exist');
    expect(replaced).toEqual([]);
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    api.put(POOLS, 'other', poolOf({ app: 'vllm' }));
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }, [8000, 8001]));
    await until('a-rank-0:8000', 'a-rank-1:8001');
    await known();
  });

  it('follows pods as they come, change and go', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    const { until, known } = rig(api);
    await known();
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    api.put(PODS, 'b', podOf({ app: 'vllm' }, false));
    api.put(PODS, 'c', podOf({ app: 'other' }));
    await until('a-rank-0:8000');
    api.put(PODS, 'b', podOf({ app: 'vllm' }));
    api.put(PODS, 'c', podOf({ app: 'vllm' }));
    await until('a-rank-0:8000', 'b-rank-0:8000', 'c-rank-0:8000');
    api.put(PODS, 'a', podOf({ app: 'other' }));
    api.remove(PODS, 'b');
    await until('c-rank-0:8000');
  });

  it('follows the pool’s ports and selector, and has the old endpoints until it knows the new ones', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'one' }));
    api.put(PODS, 'a', podOf({ app: 'one' }));
    api.put(PODS, 'b', podOf({ app: 'two' }));
    const { until, replaced, discovery } = rig(api);
    await until('a-rank-0:8000');
    api.put(POOLS, 'vllm', poolOf({ app: 'one' }, [9000, 8000]));
    await until('a-rank-0:9000', 'a-rank-1:8000');
    api.faults.list.push(errorOf(500, 'not now'), errorOf(500, 'not now'));
    api.put(POOLS, 'vllm', poolOf({ app: 'two' }, [9000]));
    await until('b-rank-0:9000');
    const sets = replaced.map((specs) => specs.map(({ name, port }) => `${name}:${port}`).join());
    expect(new Set(sets)).toEqual(new Set(['a-rank-0:8000', 'a-rank-0:9000,a-rank-1:8000', 'b-rank-0:9000']));
    expect(discovery.state.unknown).toBeUndefined();
  });

  it('has no endpoints without the pool, keeps objectives, and has all again when it returns', async () => {
    const api = new MemoryApi();
    api.groups.set(NEW, KINDS);
    api.put(`${NEW}/namespaces/llm/inferenceobjectives`, 'gold', objectiveOf(5));
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    const { until, untilObjects, objects, discovery } = rig(api);
    await until('a-rank-0:8000');
    await untilObjects('gold 5');
    api.remove(POOLS, 'vllm');
    await until();
    expect(discovery.state.unknown).toBe('InferencePool llm/vllm does not exist');
    expect(objects()).toEqual(['gold 5']);
    const callsBefore = api.calls.length;
    api.hangUp();
    await eventually('the pool is watched again', () =>
      api.calls.slice(callsBefore).some((call) => call.includes(POOLS)),
    );
    expect(api.calls.slice(callsBefore).filter((call) => call.includes(PODS))).toEqual([]);
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }, [1]));
    await until('a-rank-0:1');
    expect(objects()).toEqual(['gold 5']);
  });

  it('looks once at many changes', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    const { known, replaced } = rig(api);
    await known();
    for (let i = 0; i < 500; i++) api.put(PODS, `p${i}`, podOf({ app: 'vllm' }));
    await eventually('all of them', () => replaced.at(-1)?.length === 500);
    expect(replaced.length).toBeLessThan(5);
  });

  it('keeps the last known endpoints while the server is away, and says so', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    const { until, known, lines, names, discovery } = rig(api);
    await until('a-rank-0:8000');
    await known();
    const away = () => new ApiError('unreachable', 'API server memory: gone');
    api.faults.watch.push(...Array.from({ length: 2_000 }, away));
    api.hangUp();
    await eventually('both watches fail', () => discovery.state.outages.length === 2);
    expect(discovery.state.outages[0]?.problem).toBe('API server memory: gone');
    expect([names(), discovery.state.unknown]).toEqual([['a-rank-0:8000'], undefined]);
    expect(lines).toContain('warn API server memory: gone; the last known 1 endpoints stay');
    api.put(PODS, 'b', podOf({ app: 'vllm' }));
    api.faults.watch.length = 0;
    await until('a-rank-0:8000', 'b-rank-0:8000');
    await eventually('no outage', () => discovery.state.outages.length === 0);
  });

  it('warns once of a pod whose annotation leaves it no port', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    const closed = podOf({ app: 'vllm' });
    api.put(PODS, 'a', { ...closed, metadata: { ...closed.metadata, annotations: { 'llm-d.ai/active-ports': '' } } });
    const { lines, until } = rig(api);
    await eventually('the warning', () => lines.some((line) => line.startsWith('warn pod llm/a gets no requests')));
    api.put(PODS, 'b', podOf({ app: 'vllm' }));
    await until('b-rank-0:8000');
    expect(lines.filter((line) => line.startsWith('warn pod'))).toHaveLength(1);
  });

  it('does not begin without knowing where it may look', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    for (let i = 0; i < 3; i++) api.faults.list.push(errorOf(403, '{"message":"inferencepools is forbidden"}'));
    const { reasons, known } = rig(api);
    await known();
    expect([...reasons]).toContain(
      'InferencePool llm/vllm was not read yet: not allowed to list inferencepools in namespace llm: 403 inferencepools is forbidden',
    );
  });

  it('makes of any history what it would make of its end', async () => {
    const names = constantFrom('a', 'b', 'c');
    const labels = constantFrom<Record<string, string>[]>({ app: 'one' }, { app: 'two' }, {});
    const step = oneof(
      record({
        what: constantFrom('pod', 'pod', 'pod', 'gone'),
        name: names,
        labels,
        ready: constantFrom(true, false),
      }),
      record({
        what: constantFrom('pool', 'no pool', 'hang up', 'compact', 'fault'),
        name: names,
        labels,
        ready: constantFrom(true),
      }),
    );
    await assert(
      asyncProperty(array(step, { maxLength: 25 }), async (steps) => {
        const api = new MemoryApi();
        const live = rig(api);
        for (const { what, name, labels: wanted, ready } of steps) {
          if (what === 'pod') api.put(PODS, name, podOf(wanted, ready));
          if (what === 'gone') api.remove(PODS, name);
          if (what === 'pool' && 'app' in wanted) api.put(POOLS, 'vllm', poolOf(wanted, name === 'a' ? [1] : [2, 3]));
          if (what === 'no pool') api.remove(POOLS, 'vllm');
          if (what === 'hang up') api.hangUp();
          if (what === 'compact') api.compact();
          if (what === 'fault') api.faults.watch.push(errorOf(500, 'x'));
          await setImmediate();
        }
        const fresh = rig(api);
        await eventually('both know', () =>
          [live, fresh].every(({ discovery }) => /^undefined$|does not exist/.test(String(discovery.state.unknown))),
        );
        await eventually('both agree', () => live.names().join() === fresh.names().join());
        for (const discovery of open.splice(0)) await discovery.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('objectives and rewrites', () => {
  it('come from the new group where both have them, with a warning', async () => {
    const api = new MemoryApi();
    api.groups.set(NEW, KINDS).set(OLD, KINDS);
    api.put(`${NEW}/namespaces/llm/inferenceobjectives`, 'new', objectiveOf(1));
    api.put(`${OLD}/namespaces/llm/inferenceobjectives`, 'old', objectiveOf(1));
    const { untilObjects, lines } = rig(api);
    await untilObjects('new 1');
    expect(lines).toContain(
      'warn inferenceobjectives of inference.networking.x-k8s.io are ignored, since there are those of llm-d.ai',
    );
  });

  it('come from whichever group has them, each kind by itself', async () => {
    const api = new MemoryApi();
    api.groups.set(NEW, ['inferencemodelrewrites']).set(OLD, KINDS);
    api.put(`${OLD}/namespaces/llm/inferenceobjectives`, 'old', objectiveOf(1));
    const rewrite = { apiVersion: 'x', kind: 'y', spec: { poolRef: { name: 'vllm' }, rules: [] } };
    api.put(`${NEW}/namespaces/llm/inferencemodelrewrites`, 'r', rewrite);
    api.put(`${OLD}/namespaces/llm/inferencemodelrewrites`, 'old-r', rewrite);
    const { untilObjects } = rig(api);
    await untilObjects('old 1', 'r');
  });

  it('are none where no group has them, and come when one is installed', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    const { known, lines, untilObjects, timing } = rig(api);
    await known();
    expect(lines).toContain(
      'warn inferenceobjectives are not used: the API server has them in none of the groups llm-d.ai, inference.networking.x-k8s.io',
    );
    api.groups.set(NEW, KINDS);
    api.put(`${NEW}/namespaces/llm/inferenceobjectives`, 'late', objectiveOf(3));
    timing.pass();
    await untilObjects('late 3');
  });

  it('are moved to another group when theirs goes', async () => {
    const api = new MemoryApi();
    api.groups.set(NEW, KINDS).set(OLD, KINDS);
    api.put(`${NEW}/namespaces/llm/inferenceobjectives`, 'new', objectiveOf(1));
    api.put(`${OLD}/namespaces/llm/inferenceobjectives`, 'old', objectiveOf(2));
    const { untilObjects } = rig(api);
    await untilObjects('new 1');
    api.groups.delete(NEW);
    api.faults.watch.push(errorOf(404, 'gone'), errorOf(404, 'gone'), errorOf(404, 'gone'));
    api.hangUp();
    await untilObjects('old 2');
  });

  it('do not hold up a picker that may not read them', async () => {
    const api = new MemoryApi();
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    api.faults.get.push(...Array.from({ length: 1_000 }, () => errorOf(403, 'forbidden')));
    const { known, lines } = rig(api);
    await known();
    expect(lines.join('\n')).toContain('not allowed to look up which group has inferenceobjectives');
  });

  it('are left alone when only pods change: rotations of rewrites begin anew with every load', async () => {
    const api = new MemoryApi();
    api.groups.set(NEW, KINDS);
    api.put(POOLS, 'vllm', poolOf({ app: 'vllm' }));
    const { known, until, objectLoads } = rig(api);
    await known();
    const before = objectLoads();
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    await until('a-rank-0:8000');
    expect(objectLoads()).toBe(before);
  });

  it('are left out one by one when they cannot be read, told once', async () => {
    const api = new MemoryApi();
    api.groups.set(NEW, KINDS);
    const path = `${NEW}/namespaces/llm/inferenceobjectives`;
    api.put(path, 'bad', { ...objectiveOf(1), spec: { priority: 'high' } });
    api.put(path, 'good', objectiveOf(1));
    const { untilObjects, lines } = rig(api);
    await untilObjects('good 1');
    api.put(path, 'good', objectiveOf(2));
    await untilObjects('good 2');
    expect(
      lines.filter((line) => line.startsWith('warn inferenceobjectives "bad" is left out: spec.priority')),
    ).toHaveLength(1);
  });
});

describe('discovery by a selector', () => {
  const target: PoolTarget = { kind: 'selector', selector: 'app=vllm', ports: [8000, 8001] };

  it('needs no pool and asks for none', async () => {
    const api = new MemoryApi();
    api.put(PODS, 'a', podOf({ app: 'vllm' }));
    api.put(PODS, 'b', podOf({ app: 'other' }));
    const { until, known, discovery } = rig(api, target);
    await known();
    await until('a-rank-0:8000', 'a-rank-1:8001');
    expect(discovery.state.pool).toBeUndefined();
    expect(api.calls.filter((call) => !call.includes('/pods'))).toEqual([]);
  });

  it('is known with no pods at all', async () => {
    const { known, replaced } = rig(new MemoryApi(), target);
    await known();
    expect(replaced).toEqual([]);
  });
});

it('may be closed at any time', async () => {
  const api = new MemoryApi();
  const { discovery } = rig(api);
  await discovery.close();
  await discovery.close();
});
