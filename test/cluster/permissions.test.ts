import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import type { Rule } from './cluster.ts';
import { PICKER_RULES, pod, pool, setStatus } from './manifests.ts';
import { describeCluster, startPicker } from './suite.ts';

const NAMESPACE = 'rights';

describeCluster('permissions', (cluster) => {
  beforeAll(async () => {
    const { api } = cluster();
    const server = pod({ name: 'a', namespace: NAMESPACE, labels: { app: 'vllm' } });
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await api.apply(pool({ name: 'vllm', namespace: NAMESPACE }), server);
    await setStatus(api, server, { ip: '127.0.0.9', ready: true });
  });

  const start = (kubeconfig: string) =>
    startPicker({ kubeconfig, args: ['--pool-name=vllm', `--pool-namespace=${NAMESPACE}`] });

  it('that the picker needs are enough', async () => {
    const picker = await start(await cluster().user(NAMESPACE, 'enough', PICKER_RULES));
    await picker.untilReady();
    expect((await picker.health()).discovery).toMatchObject({ endpoints: 1, outages: [] });
    expect(await picker.metric('llm_d_epp_discovery_errors_total')).toBe(0);
  });

  const missing = PICKER_RULES.flatMap(({ resources }) => resources).flatMap((resource) =>
    ['list', 'watch'].map((verb) => [verb, resource] as const),
  );
  it.each(missing)('are named when missing: %s %s', async (verb, resource) => {
    const rules = PICKER_RULES.flatMap((rule): Rule[] =>
      rule.resources.map((each) => ({
        ...rule,
        resources: [each],
        verbs: rule.verbs.filter((allowed) => each !== resource || allowed !== verb),
      })),
    );
    const user = `no-${verb}-${resource}`;
    const picker = await start(await cluster().user(NAMESPACE, user, rules));
    const said = `not allowed to ${verb} ${resource} in namespace ${NAMESPACE}: 403 ${resource}`;
    await eventually(said, () => picker.said(said));
    const why = `User "system:serviceaccount:${NAMESPACE}:${user}" cannot ${verb} resource "${resource}" in API group`;
    const { discovery, conditions } = await picker.health();
    expect(discovery.outages).toEqual([expect.objectContaining({ resource, problem: expect.stringContaining(why) })]);
    expect(
      await picker.metric('llm_d_epp_discovery_errors_total', `resource="${resource}",reason="forbidden"`),
    ).toBeGreaterThan(0);
    expect(await picker.page('/metrics')).toContain(`llm_d_epp_discovery_connected{resource="${resource}"} 0`);
    // Without them nothing can be served; a watch can be done without, and so can objectives and rewrites.
    const isVital = verb === 'list' && (resource === 'pods' || resource === 'inferencepools');
    if (isVital) {
      expect(await picker.probe('readiness')).toBe('NOT_SERVING');
      expect(conditions['synced']).toContain(why);
    } else await picker.untilReady();
    expect(await picker.probe('liveness')).toBe('SERVING');
  });

  it('are not there at all for a token nobody knows', async () => {
    const picker = await start(await cluster().kubeconfig('stranger', 'not-a-token'));
    await eventually('it is told', () => picker.said('the API server does not know who we are: 401 Unauthorized'));
    expect(await picker.probe('readiness')).toBe('NOT_SERVING');
  });

  it('may be given later', async () => {
    const kubeconfig = await cluster().user(NAMESPACE, 'late', []);
    const picker = await start(kubeconfig);
    await eventually('it is told', () => picker.said('not allowed to list inferencepools'));
    await cluster().user(NAMESPACE, 'late', PICKER_RULES);
    await picker.untilReady();
    await picker.until('a-rank-0 127.0.0.9:8000');
    await eventually('all is well', () => picker.said('the API server answers again'));
  });
});
