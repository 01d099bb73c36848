import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import type { Manifest } from './api.ts';
import { electionRules, manifestRules } from './chart-rights.ts';
import { pod, pool, setStatus } from './manifests.ts';
import type { PickerProcess } from './picker-process.ts';
import { describeCluster, patiently, report, startPicker } from './suite.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const EXT_PROC = 'envoy.service.ext_proc.v3.ExternalProcessor';
/** The lease, the pause before the look that saw the last write, and the candidate's own moment. */
const DEAD_MS = 15_000 + 4_400 + 500;
/** A candidate's longest pause. */
const PAUSE_MS = 4_400;
/** A busy machine's. */
const SLACK_MS = 3_000;

describeCluster('replicas that elect a leader', (cluster) => {
  let count = 0;
  let namespace = '';
  let lease = '';
  let kubeconfig = '';
  let network: TcpProxy;

  beforeEach(async () => {
    namespace = `leader-${++count}`;
    lease = `epp-${namespace}-vllm.llm-d.ai`;
    const rules = [...manifestRules(), ...electionRules(lease)];
    network = await startTcpProxy(cluster().port);
    kubeconfig = await cluster().user(namespace, 'picker', rules);
    const { api } = cluster();
    const server = pod({ name: 'a', namespace, labels: { app: 'vllm' } });
    await api.apply(pool({ name: 'vllm', namespace }), server);
    await setStatus(api, server, { ip: '127.0.0.9', ready: true });
  });
  afterEach(() => network.close());

  const args = () => ['--pool-name=vllm', `--pool-namespace=${namespace}`, '--ha-enable-leader-election'];
  const start = (name: string, config = kubeconfig) =>
    startPicker({ kubeconfig: config, args: args(), env: { POD_NAME: name } });
  const leads = async (picker: PickerProcess) => (await picker.probe('readiness')) === 'SERVING';
  const theLease = (): Manifest => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: lease, namespace },
  });
  const spec = async () => (await cluster().api.get(theLease()))['spec'] as Record<string, unknown>;

  /** A leader, and a replica that stands by and knows the pool. */
  async function pair(): Promise<readonly [PickerProcess, PickerProcess]> {
    const leader = await start('epp-a');
    await leader.untilReady();
    const standby = await start('epp-b');
    await standby.until('a-rank-0 127.0.0.9:8000');
    await eventually('it stands by', () => standby.said('this replica stands by'));
    return [leader, standby];
  }

  it('have one that is ready; the other is alive and warm, and says who leads', async () => {
    const [leader, standby] = await pair();
    expect(await spec()).toMatchObject({
      holderIdentity: expect.stringMatching(/^epp-a_[0-9a-f-]{36}$/),
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
    });
    const names = ['', 'readiness', EXT_PROC, 'liveness', 'inference-extension'];
    const asked = async (picker: PickerProcess) => Promise.all(names.map((name) => picker.probe(name)));
    expect(await asked(leader)).toEqual(['SERVING', 'SERVING', 'SERVING', 'SERVING', 'SERVICE_UNKNOWN']);
    expect(await asked(standby)).toEqual(['NOT_SERVING', 'NOT_SERVING', 'NOT_SERVING', 'SERVING', 'SERVICE_UNKNOWN']);
    const holder = (await spec())['holderIdentity'] as string;
    const { leaderElection, conditions, ready } = await standby.health();
    expect([leaderElection, conditions['leader'], ready]).toEqual([
      { lease, identity: expect.stringMatching(/^epp-b_/), isLeader: false, holder },
      `${holder} leads`,
      false,
    ]);
    expect((await leader.health()).leaderElection).toMatchObject({ isLeader: true, holder });
    expect(await leader.page('/metrics')).toContain(`llm_d_epp_leader_election_is_leader{lease="${lease}"} 1`);
    expect(await standby.page('/metrics')).toContain(`llm_d_epp_leader_election_is_leader{lease="${lease}"} 0`);
    // Whoever asks a standby all the same is served.
    expect((await standby.pick()).destination).toContain('127.0.0.9:8000');
    for (const picker of [leader, standby]) expect(await picker.metric('llm_d_epp_discovery_errors_total')).toBe(0);
  });

  it('take over at the next look when the leader is told to stop', async () => {
    const [leader, standby] = await pair();
    const stopped = leader.stop();
    const ms = await patiently('the standby leads', PAUSE_MS + SLACK_MS, () => leads(standby));
    await stopped;
    expect(leader.server.exitCode()).toBe(0);
    expect(await spec()).toMatchObject({ holderIdentity: expect.stringMatching(/^epp-b_/), leaseTransitions: 1 });
    report(`the standby leads ${ms.toFixed(0)} ms after SIGTERM of the leader`);
  });

  it('take over after a lease when the leader is killed, with endpoints known already', async () => {
    const [leader, standby] = await pair();
    leader.server.kill('SIGKILL');
    const ms = await patiently('the standby leads', DEAD_MS + SLACK_MS, () => leads(standby));
    expect(ms).toBeGreaterThan(8_000);
    expect((await standby.pick()).destination).toContain('127.0.0.9:8000');
    report(`the standby leads ${ms.toFixed(0)} ms after SIGKILL of the leader`);
  });

  it('keep the leader while it cannot reach the API server, until the lease can move, and never have two', async () => {
    const cut = await cluster().user(namespace, 'cut', [...manifestRules(), ...electionRules(lease)], {
      port: network.port,
    });
    const leader = await start('epp-a', cut);
    await leader.untilReady();
    const standby = await start('epp-b');
    await eventually('it stands by', () => standby.said('this replica stands by'));
    network.set('refuse');
    const began = performance.now();
    let both = 0;
    let lostMs = 0;
    const foundMs = await patiently('the standby leads', DEAD_MS + SLACK_MS, async () => {
      const [old, next] = await Promise.all([leads(leader), leads(standby)]);
      if (old && next) both++;
      if (!old && lostMs === 0) lostMs = performance.now() - began;
      return next;
    });
    expect(both).toBe(0);
    expect(lostMs).toBeGreaterThan(12_000);
    expect(leader.said('the lease could not be renewed: still the leader, until it can move')).toBe(true);
    expect(leader.said('no longer the leader')).toBe(true);
    network.set('pass');
    await eventually('the old leader sees who leads', () => leader.said('this replica stands by'));
    expect(await leads(standby)).toBe(true);
    report(`cut off, the leader led on for ${lostMs.toFixed(0)} ms; the standby led after ${foundMs.toFixed(0)} ms`);
  });

  it('do not elect one that could not serve', async () => {
    const blind = await cluster().user(namespace, 'blind', electionRules(lease));
    const broken = await start('epp-x', blind);
    await eventually('it knows nothing', () => broken.said('not allowed to list'));
    const good = await start('epp-a');
    await good.untilReady();
    expect((await good.health()).leaderElection?.isLeader).toBe(true);
    expect(await broken.probe('liveness')).toBe('SERVING');
  });

  it.each([
    ['get', 'epp-none', []],
    ['create', 'epp-get', [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get'] }]],
  ])('name the right that is missing: %s', async (verb, user, rules) => {
    const config = await cluster().user(namespace, user, [...manifestRules(), ...rules]);
    const picker = await start('epp-a', config);
    const said = `not allowed to ${verb} the lease ${lease} in namespace ${namespace}: 403 leases`;
    await eventually(said, () => picker.said(said));
    const { conditions } = await picker.health();
    expect(conditions['leader']).toContain(`no replica is known to lead: ${said}`);
    expect(await picker.probe('liveness')).toBe('SERVING');
  });
});
