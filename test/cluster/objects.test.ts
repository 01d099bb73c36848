import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import {
  LEGACY_GROUP,
  NEW_GROUP,
  objective,
  PICKER_RULES,
  pod,
  pool,
  POOL_GROUP,
  rewrite,
  setStatus,
} from './manifests.ts';
import type { PickerProcess } from './picker-process.ts';
import { describeCluster, startPicker } from './suite.ts';

const NAMESPACE = 'objects';
const OURS = { namespace: NAMESPACE, pool: 'vllm' };

describeCluster('objectives and rewrites', (cluster) => {
  let kubeconfig = '';
  beforeAll(async () => {
    const { api } = cluster();
    kubeconfig = await cluster().user(NAMESPACE, 'picker', PICKER_RULES);
    const server = pod({ name: 'a', namespace: NAMESPACE, labels: { app: 'vllm' } });
    await api.apply(pool({ name: 'vllm', namespace: NAMESPACE }), server);
    await setStatus(api, server, { ip: '127.0.0.9', ready: true });
  });

  const start = async (): Promise<PickerProcess> => {
    const picker = await startPicker({ kubeconfig, args: ['--pool-name=vllm', `--pool-namespace=${NAMESPACE}`] });
    await picker.untilReady();
    return picker;
  };

  /** The priority and the target model a request gets. */
  const decision = async (picker: PickerProcess, model: string, name: string): Promise<string> => {
    await picker.pick(model, { 'x-llm-d-inference-objective': name });
    const page = await picker.page('/metrics');
    const line = page.split('\n').find((text) => text.startsWith(`llm_d_epp_request_total{model_name="${model}"`));
    const [, target, priority] = /target_model_name="([^"]*)".*priority="([^"]*)"/.exec(line ?? '') ?? [];
    return `${target} ${priority}`;
  };
  let models = 0;
  /** Waits for it with a new model each time, so that every answer is in a series of its own. */
  const untilPriority = (picker: PickerProcess, name: string, priority: number) =>
    eventually(`${name} has priority ${priority}`, async () => {
      const model = `model-${++models}`;
      return (await decision(picker, model, name)) === `${model} ${priority}`;
    });

  it('of the new group win over those of the old, are for this pool only, and are followed', async () => {
    const { api } = cluster();
    const gold = objective({ name: 'gold', priority: 5, ...OURS });
    await api.apply(
      gold,
      objective({ name: 'unset', ...OURS }),
      objective({ name: 'other', priority: 6, namespace: NAMESPACE, pool: 'other' }),
      objective({ name: 'foreign', priority: 7, poolGroup: LEGACY_GROUP, ...OURS }),
      objective({ name: 'old', priority: 8, group: LEGACY_GROUP, ...OURS }),
      rewrite({ name: 'alias', model: 'alias', target: 'real', ...OURS }),
      rewrite({ name: 'alias', model: 'old-alias', target: 'old', group: LEGACY_GROUP, ...OURS }),
    );
    const picker = await start();
    expect(
      picker.said(`inferenceobjectives of ${LEGACY_GROUP} are ignored, since there are those of ${NEW_GROUP}`),
    ).toBe(true);
    expect(await decision(picker, 'alias', 'gold')).toBe('real 5');
    expect(await decision(picker, 'old-alias', 'unset')).toBe('old-alias 0');
    for (const name of ['other', 'foreign', 'old', 'nobody']) await untilPriority(picker, name, 0);
    await api.patch(gold, { spec: { priority: 9 } });
    await untilPriority(picker, 'gold', 9);
    await api.patch(gold, { spec: { poolRef: { name: 'other' } } });
    await untilPriority(picker, 'gold', 0);
    await api.patch(gold, { spec: { poolRef: { name: 'vllm' } } });
    await untilPriority(picker, 'gold', 9);
    await api.remove(gold);
    await untilPriority(picker, 'gold', 0);
  });

  it('of one age are ordered by name: the first wins', async () => {
    const { api } = cluster();
    const tied = ['tie-b', 'tie-a', 'tie-c'].map((name) =>
      rewrite({ name, model: 'tied', target: `to-${name}`, ...OURS }),
    );
    // Creation times have whole seconds: made at once, most often all three are equally old.
    let ages = new Set<unknown>();
    do {
      for (const each of tied) await api.remove(each).catch(() => undefined);
      await Promise.all(tied.map((each) => api.apply(each)));
      const made = await Promise.all(tied.map((each) => api.get(each)));
      ages = new Set(made.map((each) => (each['metadata'] as { creationTimestamp: string }).creationTimestamp));
    } while (ages.size > 1);
    const picker = await start();
    expect(await decision(picker, 'tied', '')).toBe('to-tie-a 0');
    await api.remove(tied[1]);
    await eventually('the next by name', async () => {
      await picker.pick('tied');
      return (await picker.page('/metrics')).includes('model_rewrite_name="tie-b",model_name="tied"');
    });
  });

  it('come from the old group when the new one is gone, and from the new one when it is back', async () => {
    const { api } = cluster();
    const early = objective({ name: 'early', priority: 4, ...OURS });
    const old = objective({ name: 'old', priority: 8, group: LEGACY_GROUP, ...OURS });
    await api.apply(
      early,
      old,
      rewrite({ name: 'r', model: 'old-alias', target: 'old', group: LEGACY_GROUP, ...OURS }),
    );
    const running = await start();
    await untilPriority(running, 'early', 4);
    for (const plural of ['inferenceobjectives', 'inferencemodelrewrites']) {
      await api.call('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${NEW_GROUP}`);
    }
    await untilPriority(running, 'early', 0);
    await untilPriority(running, 'old', 8);
    const fresh = await start();
    expect(fresh.said(`inferenceobjectives come from ${LEGACY_GROUP}`)).toBe(true);
    expect(await decision(fresh, 'old-alias', 'old')).toBe('old 8');
    await cluster().installCrds([NEW_GROUP]);
    await api.apply(early);
    const latest = await start();
    await untilPriority(latest, 'early', 4);
    await untilPriority(latest, 'old', 0);
  });

  it('are none, told in the log, where no group has them; the pool is served all the same', async () => {
    const { api } = cluster();
    for (const plural of ['inferenceobjectives', 'inferencemodelrewrites']) {
      for (const group of [NEW_GROUP, LEGACY_GROUP]) {
        await api.call('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`);
      }
    }
    await eventually('the groups are gone', async () => {
      const groups = JSON.stringify(await api.call('GET', '/apis'));
      return !groups.includes(`"${NEW_GROUP}"`) && !groups.includes(LEGACY_GROUP);
    });
    const picker = await start();
    expect(picker.said('inferenceobjectives are not used: the API server has them in none of the groups')).toBe(true);
    expect((await picker.pick()).destination).toBe('127.0.0.9:8000');
  });

  it('and pools may be installed last: what is missing is told, and found when it comes', async () => {
    const { api } = cluster();
    await api.call('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/inferencepools.${POOL_GROUP}`);
    await eventually(
      'pools are gone',
      async () => !JSON.stringify(await api.call('GET', '/apis')).includes(POOL_GROUP),
    );
    const picker = await startPicker({ kubeconfig, args: ['--pool-name=vllm', `--pool-namespace=${NAMESPACE}`] });
    const missing = `cannot list inferencepools in namespace ${NAMESPACE}: the API server has no such kind, install its definition (CRD)`;
    await eventually('it is told', () => picker.said(missing));
    expect((await picker.health()).conditions['synced']).toContain(missing);
    await cluster().installCrds([POOL_GROUP]);
    await api.apply(pool({ name: 'vllm', namespace: NAMESPACE }));
    await picker.until('a-rank-0 127.0.0.9:8000');
    await picker.untilReady();
  });
});
