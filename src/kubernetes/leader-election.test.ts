import { assert, asyncProperty, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseServer, type Line, VirtualTime } from '../../test/kit/lease-server.ts';
import { seededRandom } from '../lib/random.ts';
import { LeaderElection } from './leader-election.ts';

const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');

interface Candidate {
  readonly election: LeaderElection;
  readonly line: Line;
  readonly told: string[];
  isFit: boolean;
}

function rig() {
  const time = new VirtualTime();
  const server = new LeaseServer(time);
  const candidate = (
    identity: string,
    { originMs = 0, seed = identity.charCodeAt(0), isFit = true } = {},
  ): Candidate => {
    const line: Line = { mode: 'open', latencyMs: () => 5 };
    const told: string[] = [];
    const made: Candidate = {
      line,
      told,
      isFit,
      election: new LeaderElection({
        api: server.client(line),
        namespace: 'llm',
        lease: 'epp-llm-vllm.llm-d.ai',
        identity,
        timing: time.timing(seed, originMs),
        // A wall clock that is wrong by days, differently for each.
        now: () => new Date(EPOCH + time.nowMs + originMs * 1000),
        isFit: () => made.isFit,
        observer: {
          changed: () => void told.push(`${made.election.isLeader} ${made.election.holder}`),
          failed: ({ fault }, verb) => void told.push(`${verb} ${fault}`),
          answered() {},
        },
      }),
    };
    made.election.start();
    return made;
  };
  /** Milliseconds until somebody else than `but` leads. */
  const untilLeader = async (candidates: readonly Candidate[], but?: Candidate): Promise<number> => {
    const beganMs = time.nowMs;
    while (!candidates.some((each) => each !== but && each.election.isLeader)) {
      await time.pass(10);
      if (time.nowMs - beganMs > 60_000) throw new Error('nobody leads');
    }
    return time.nowMs - beganMs;
  };
  return { time, server, candidate, untilLeader };
}

describe('leader election', () => {
  it('makes the lease, holds it every two seconds, and keeps when it was acquired', async () => {
    const { time, server, candidate } = rig();
    const a = candidate('a');
    await time.pass(100);
    expect(a.election.isLeader).toBe(true);
    expect(server.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.010000Z',
      renewTime: '2026-01-01T00:00:00.010000Z',
      leaseTransitions: 0,
    });
    expect(server.calls).toEqual(['GET', 'POST']);
    await time.pass(10_000);
    expect(server.calls.slice(2)).toEqual(['PUT', 'PUT', 'PUT', 'PUT', 'PUT']);
    expect(server.spec).toMatchObject({ acquireTime: '2026-01-01T00:00:00.010000Z', leaseTransitions: 0 });
    expect(a.told).toEqual(['false ', 'true a']);
  });

  it('is not won by one that could not do the work, and goes on for one that no longer can', async () => {
    const { time, server, candidate } = rig();
    const a = candidate('a', { isFit: false });
    await time.pass(20_000);
    expect([a.election.isLeader, server.calls]).toEqual([false, []]);
    a.isFit = true;
    await time.pass(300);
    expect(a.election.isLeader).toBe(true);
    a.isFit = false;
    await time.pass(60_000);
    expect(a.election.isLeader).toBe(true);
  });

  it('moves within the lease and half a second when the leader dies', async () => {
    const { time, candidate, untilLeader } = rig();
    const a = candidate('a');
    await time.pass(1_000);
    const b = candidate('b');
    await time.pass(20_000);
    expect([a.election.isLeader, b.election.isLeader, b.election.holder]).toEqual([true, false, 'a']);
    a.line.mode = 'cut';
    const ms = await untilLeader([b]);
    expect(ms).toBeGreaterThan(12_900);
    // A lease, the pause before the look that saw the last write, and the candidate's own moment.
    expect(ms).toBeLessThan(15_000 + 4_400 + 600);
    expect(b.election.holder).toBe('b');
  });

  it('moves at the next look when the leader gives it back', async () => {
    const { time, server, candidate, untilLeader } = rig();
    const a = candidate('a');
    await time.pass(1_000);
    const b = candidate('b');
    await time.pass(20_000);
    const released = a.election.release();
    expect(await untilLeader([b])).toBeLessThan(4_500);
    await released;
    expect(a.election.isLeader).toBe(false);
    expect(server.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    await a.election.release();
    expect(b.election.isLeader).toBe(true);
  });

  it('gives back the lease also when a renewal is under way, and lets it be when it is not ours', async () => {
    const { time, server, candidate } = rig();
    const a = candidate('a');
    await time.pass(2_011);
    a.line.latencyMs = () => 50;
    await time.pass(20);
    const released = a.election.release();
    await time.pass(400);
    await released;
    expect(server.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    const b = candidate('b');
    await time.pass(100);
    server.put({ holderIdentity: 'x', leaseDurationSeconds: 15, leaseTransitions: 7 });
    const gone = b.election.release();
    await time.pass(100);
    await gone;
    expect(server.spec).toMatchObject({ holderIdentity: 'x' });
  });

  it('is kept while the API server is away, until the lease could have moved, and taken up again after', async () => {
    const { time, candidate } = rig();
    const a = candidate('a');
    await time.pass(6_100);
    a.line.mode = 'cut';
    await time.pass(9_000);
    expect([a.election.isLeader, a.election.isOverdue]).toEqual([true, false]);
    await time.pass(2_000);
    expect([a.election.isLeader, a.election.isOverdue]).toEqual([true, true]);
    // The last write was sent at about 6,050.
    while (a.election.isLeader) await time.pass(10);
    expect(time.nowMs).toBeGreaterThan(21_000);
    expect(time.nowMs).toBeLessThan(21_100);
    await time.pass(60_000);
    expect(a.election.isLeader).toBe(false);
    expect(a.told.slice(0, 5)).toEqual(['false ', 'true a', 'update timeout', 'update timeout', 'true a']);
    a.line.mode = 'open';
    await time.pass(10_000);
    expect(a.election.isLeader).toBe(true);
  });

  it('of a lease whose writes arrive but are never confirmed, is nobody, then one again', async () => {
    const { time, candidate } = rig();
    const a = candidate('a');
    await time.pass(3_000);
    a.line.mode = 'deaf';
    await time.pass(20_000);
    expect(a.election.isLeader).toBe(false);
    a.line.mode = 'open';
    await time.pass(10_000);
    expect(a.election.isLeader).toBe(true);
  });

  it('ends at once when somebody else wrote, and begins anew when the lease was deleted', async () => {
    const { time, server, candidate } = rig();
    const a = candidate('a');
    await time.pass(1_000);
    server.put({ holderIdentity: 'x', leaseDurationSeconds: 15, leaseTransitions: 7 });
    await time.pass(2_100);
    expect([a.election.isLeader, a.election.holder]).toEqual([false, 'x']);
    server.delete();
    await time.pass(4_500);
    expect([a.election.isLeader, a.election.holder]).toEqual([true, 'a']);
  });

  it('takes a lease without a holder or a duration, and one nobody can read is told', async () => {
    const { time, server, candidate } = rig();
    server.put({ holderIdentity: null });
    const a = candidate('a');
    await time.pass(100);
    expect(server.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 1 });
    server.put({ holderIdentity: 5 });
    await time.pass(20_000);
    expect(a.told).toContain('get garbled');
    expect(a.election.isLeader).toBe(false);
  });

  it.each([
    ['GET', 'get'],
    ['POST', 'create'],
  ])('names the right it lacks: %s', async (method, verb) => {
    const { time, server, candidate } = rig();
    server.forbidden.add(method);
    const a = candidate('a');
    await time.pass(1_000);
    expect(a.told).toEqual(['false ', `${verb} forbidden`]);
    server.forbidden.clear();
    await time.pass(4_500);
    expect(a.election.isLeader).toBe(true);
  });

  it('is never two at once, whatever the network does and however wrong the clocks are', async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const random = seededRandom(seed);
        const { time, server, candidate } = rig();
        const all = ['a', 'b', 'c'].map((name) =>
          candidate(name, { originMs: random.below(10_000_000), seed: random.below(1_000_000) }),
        );
        const oneAtMost = (): void => {
          const leaders = all.filter(({ election }) => election.isLeader);
          if (leaders.length > 1) throw new Error(`two lead at ${time.nowMs}`);
        };
        for (let i = 0; i < 30; i++) {
          const { line } = all[random.below(3)];
          line.mode = (['open', 'open', 'cut', 'deaf'] as const)[random.below(4)];
          const mostMs = [5, 50, 500, 6_000][random.below(4)];
          line.latencyMs = () => random.below(mostMs);
          if (random.below(10) === 0)
            await Promise.race([all[random.below(3)].election.release(), time.pass(5_000, oneAtMost)]);
          await time.pass(random.below(8_000), oneAtMost);
        }
        expect(server.calls.length).toBeGreaterThan(5);
      }),
      { numRuns: 12, seed: 7 },
    );
  });

  it('is over before another may begin also for one whose answers come late', async () => {
    const { time, candidate } = rig();
    const a = candidate('a');
    await time.pass(100);
    const b = candidate('b');
    // Half of the way is quick, so the others see a write long before its writer hears of it.
    let sent = 0;
    a.line.latencyMs = () => (++sent % 2 === 0 ? 4_500 : 5);
    await time.pass(30_000);
    expect(a.election.isLeader).toBe(true);
    a.line.mode = 'cut';
    let both = 0;
    await time.pass(60_000, () => (both += a.election.isLeader && b.election.isLeader ? 1 : 0));
    expect([both, b.election.isLeader]).toEqual([0, true]);
  });

  it('is somebody again soon after the network is well', async () => {
    const { time, candidate, untilLeader } = rig();
    const all = ['a', 'b', 'c'].map((name) => candidate(name));
    await time.pass(5_000);
    for (const { line } of all) line.mode = 'cut';
    await time.pass(60_000);
    expect(all.some(({ election }) => election.isLeader)).toBe(false);
    for (const { line } of all) line.mode = 'open';
    expect(await untilLeader(all)).toBeLessThan(20_000);
  });
});
