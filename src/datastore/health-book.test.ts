import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { healthBook } from '../../test/kit/health.ts';
import { endpointAt, endpointSpec, idlePool } from '../../test/kit/pool.ts';
import type { HealthSettings } from '../core/health.ts';
import type { Random } from '../core/random.ts';

const SETTINGS: Partial<HealthSettings> = {
  consecutiveErrors: 3,
  consecutiveConnectFailures: 2,
  ejectMs: 1000,
  maxEjectMs: 4000,
  maxEjectedShare: 0.5,
  probeSuccesses: 2,
  slowStartMs: 10_000,
};

function rig(size = 4, settings: Partial<HealthSettings> = {}, draw = 0.999) {
  const pool = idlePool(size);
  const clock = manualClock();
  const changes: string[] = [];
  const random: Random = { next: () => draw, below: () => 0 };
  const health = healthBook(
    pool,
    clock,
    { ...SETTINGS, ...settings },
    { random, onChange: ({ slot }, from, to, reason) => void changes.push(`${slot}: ${from} -> ${to} (${reason})`) },
  );
  const at = (slot: number) => endpointAt(pool, slot);
  return {
    pool,
    clock,
    health,
    changes,
    at,
    fail: (slot: number, times = 1) => {
      for (let i = 0; i < times; i++) health.failed(at(slot));
    },
    usable: () => [...health.narrow(pool.all)],
  };
}

describe('a healthy pool', () => {
  it('is the same list, whoever answers', () => {
    const { health, pool, at, clock } = rig();
    health.answered(at(0), clock.nowMs());
    expect(health.narrow(pool.all)).toBe(pool.all);
  });
});

describe('errors', () => {
  it('make an endpoint suspect, then eject it at the third in a row', () => {
    const { fail, usable, changes, at, health, clock } = rig();
    fail(1, 2);
    expect(usable()).toEqual([0, 1, 2, 3]);
    health.answered(at(1), clock.nowMs());
    fail(1, 2);
    expect(usable()).toEqual([0, 1, 2, 3]);
    fail(1);
    expect(usable()).toEqual([0, 2, 3]);
    expect(changes).toEqual([
      '1: healthy -> suspect (errors in a row)',
      '1: suspect -> healthy (answered)',
      '1: healthy -> suspect (errors in a row)',
      '1: suspect -> ejected (errors in a row)',
    ]);
  });

  it('eject by their share too, once there are enough answers', () => {
    const { fail, health, at, usable, changes, clock } = rig(4, { minRequests: 10, errorShare: 0.5 });
    for (let i = 0; i < 4; i++) {
      health.answered(at(2), clock.nowMs());
      fail(2);
    }
    health.answered(at(2), clock.nowMs());
    expect(usable()).toContain(2);
    fail(2);
    expect(usable()).not.toContain(2);
    expect(changes.at(-1)).toBe('2: healthy -> ejected (error rate)');
  });

  it('of long ago count for little', () => {
    const { fail, health, at, usable, clock } = rig(4, { minRequests: 10, errorShare: 0.5, windowMs: 1000 });
    for (let i = 0; i < 4; i++) {
      health.answered(at(2), clock.nowMs());
      fail(2);
    }
    clock.advance(10_000);
    health.answered(at(2), clock.nowMs());
    fail(2);
    expect(usable()).toContain(2);
  });

  it('never eject more than the share allows, nor the last one', () => {
    const { fail, usable } = rig(4);
    for (const slot of [0, 1, 2, 3]) fail(slot, 5);
    expect(usable()).toEqual([2, 3]);
    const pair = rig(2, { maxEjectedShare: 1 });
    for (const slot of [0, 1]) pair.fail(slot, 5);
    expect(pair.usable()).toEqual([1]);
    const single = rig(1, { maxEjectedShare: 1 });
    single.fail(0, 50);
    expect(single.usable()).toEqual([0]);
  });

  it('leave the ejected where nobody else is asked for', () => {
    const { fail, health } = rig(4);
    fail(1, 3);
    expect([...health.narrow(Uint32Array.of(1))]).toEqual([1]);
  });

  it('mean nothing with health switched off', () => {
    const { fail, usable, changes, pool } = rig(4, { enabled: false });
    fail(1, 10);
    pool.signals.refusedSinceMs[2] = 0;
    expect(usable()).toEqual([0, 1, 2, 3]);
    expect(changes).toEqual([]);
  });
});

describe('failed connections', () => {
  it('eject at the second in a row, an answer between them resets', () => {
    const { health, at, usable, clock } = rig();
    health.connectFailed(at(0));
    health.answered(at(0), clock.nowMs());
    health.connectFailed(at(0));
    expect(usable()).toEqual([0, 1, 2, 3]);
    health.connectFailed(at(0));
    expect(usable()).toEqual([1, 2, 3]);
  });

  it('may eject everybody but for the least bad', () => {
    const { health, at, usable, pool } = rig(2);
    for (const slot of [0, 1]) for (let i = 0; i < 2; i++) health.connectFailed(at(slot));
    expect(usable()).toEqual([0, 1]);
    pool.signals.refusedSinceMs[0] = 0;
    expect(usable()).toEqual([1]);
  });
});

describe('an ejected endpoint', () => {
  it('is probed with one request at a time, and comes back after enough answers', () => {
    const { fail, usable, clock, health, at, changes } = rig();
    fail(1, 3);
    clock.advance(999);
    expect(usable()).not.toContain(1);
    clock.advance(1);
    expect(usable()).toContain(1);
    health.sent(at(1));
    expect(usable()).not.toContain(1);
    health.answered(at(1), clock.nowMs());
    health.ended(at(1));
    expect(health.stateOf(1)).toBe('probing');
    expect(usable()).toContain(1);
    health.answered(at(1), clock.nowMs());
    expect(changes.slice(-2)).toEqual([
      '1: ejected -> probing (back-off over)',
      '1: probing -> healthy (probes answered)',
    ]);
  });

  it('does not come back by answers to what it had in hand before the errors', () => {
    const { fail, usable, clock, health, at } = rig();
    const sentMs = health.sent(at(1));
    clock.advance(10);
    fail(1, 3);
    for (let i = 0; i < 5; i++) health.answered(at(1), sentMs);
    expect(usable()).not.toContain(1);
    clock.advance(1000);
    usable();
    for (let i = 0; i < 5; i++) health.answered(at(1), sentMs);
    expect(health.stateOf(1)).toBe('probing');
    for (let i = 0; i < 2; i++) health.answered(at(1), clock.nowMs());
    expect(health.stateOf(1)).toBe('healthy');
  });

  it('stays away for its errors, though it once hung and came back by its answers', () => {
    const { pool, fail, usable, clock, health, at, changes } = rig(4, { slowStartMs: 0 });
    pool.signals.hungSinceMs[1] = clock.nowMs();
    expect(usable()).not.toContain(1);
    clock.advance(10);
    for (let i = 0; i < 2; i++) health.answered(at(1), clock.nowMs());
    pool.signals.hungSinceMs[1] = Number.NaN;
    expect(usable()).toContain(1);
    fail(1, 3);
    expect(usable()).not.toContain(1);
    expect(changes).toEqual([
      '1: healthy -> ejected (hanging)',
      '1: ejected -> healthy (probes answered)',
      '1: healthy -> suspect (errors in a row)',
      '1: suspect -> ejected (errors in a row)',
    ]);
  });

  it('stays away twice as long after every failed probe, up to a limit, and starts anew once it was healthy', () => {
    const { fail, usable, clock, health, at } = rig();
    fail(1, 3);
    for (const backOffMs of [1000, 2000, 4000, 4000]) {
      clock.advance(backOffMs - 1);
      expect(usable()).not.toContain(1);
      clock.advance(1);
      expect(usable()).toContain(1);
      fail(1);
    }
    clock.advance(4000);
    usable();
    for (let i = 0; i < 2; i++) health.answered(at(1), clock.nowMs());
    fail(1, 3);
    clock.advance(1000);
    expect(usable()).toContain(1);
  });

  it('takes back its share slowly', () => {
    const at = (draw: number, afterMs: number): boolean => {
      const { fail, usable, clock, health, at: endpoint } = rig(4, {}, draw);
      fail(1, 3);
      clock.advance(1000);
      usable();
      for (let i = 0; i < 2; i++) health.answered(endpoint(1), clock.nowMs());
      clock.advance(afterMs);
      return usable().includes(1);
    };
    expect([at(0.09, 0), at(0.11, 0)]).toEqual([true, false]);
    expect([at(0.54, 5000), at(0.56, 5000)]).toEqual([true, false]);
    expect(at(0.999, 10_000)).toBe(true);
  });
});

describe('an endpoint the scraper cannot reach', () => {
  it('is ejected at once where nobody listens, and probed when somebody does again', () => {
    const { pool, usable, changes, clock } = rig();
    pool.signals.refusedSinceMs[3] = clock.nowMs();
    expect(usable()).toEqual([0, 1, 2]);
    clock.advance(60_000);
    expect(usable()).toEqual([0, 1, 2]);
    pool.signals.refusedSinceMs[3] = Number.NaN;
    expect(usable()).toEqual([0, 1, 2, 3]);
    expect(changes).toEqual(['3: healthy -> ejected (unreachable)', '3: ejected -> probing (reachable again)']);
  });

  it('that only hung is healthy as soon as it answers the scraper', () => {
    const { pool, usable, changes, clock } = rig();
    pool.signals.hungSinceMs[3] = clock.nowMs();
    expect(usable()).toEqual([0, 1, 2]);
    pool.signals.hungSinceMs[3] = Number.NaN;
    expect(usable()).toEqual([0, 1, 2, 3]);
    expect(changes).toEqual(['3: healthy -> ejected (hanging)', '3: ejected -> healthy (reachable again)']);
  });

  it('is not ejected while its responses go on', () => {
    const { pool, usable, clock, health, at } = rig();
    pool.signals.hungSinceMs[3] = clock.nowMs();
    clock.advance(1);
    health.alive(at(3), clock.nowMs());
    expect(usable()).toEqual([0, 1, 2, 3]);
  });
});

describe('a new endpoint', () => {
  it('begins slowly, but not those the picker started with', () => {
    const { pool, usable, clock } = rig(2);
    pool.replace([0, 1, 2].map((index) => endpointSpec(index)));
    expect(usable()).toEqual([0, 1]);
    clock.advance(10_000);
    expect(usable()).toEqual([0, 1, 2]);
    const cold = rig(2, { slowStartMs: 0 });
    cold.pool.replace([0, 1, 2].map((index) => endpointSpec(index)));
    expect(cold.usable()).toEqual([0, 1, 2]);
  });

  it('in the slot of a bad one is not held to account for it', () => {
    const { pool, fail, usable, health, at } = rig(2);
    const old = at(1);
    fail(1, 3);
    pool.replace([endpointSpec(0)]);
    for (let i = 0; i < 70; i++) {
      pool.replace([endpointSpec(0), endpointSpec(1, { name: `new-${i}` })]);
      pool.replace([endpointSpec(0)]);
    }
    pool.replace([endpointSpec(0), endpointSpec(1, { name: 'last' })]);
    health.failed(old);
    health.connectFailed(old);
    for (const slot of pool.all) expect(health.stateOf(slot)).toBe('healthy');
    expect(usable()).toContain(0);
  });
});

it('never leaves nobody, whatever happens', () => {
  const event = fc.record({
    slot: fc.nat(3),
    what: fc.constantFrom('failed', 'answered', 'connectFailed', 'sent', 'ended', 'refused', 'hung', 'reached'),
    ms: fc.nat(5000),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (events, draw) => {
      const { pool, health, clock, at } = rig(4, {}, draw);
      for (const { slot, what, ms } of events) {
        clock.advance(ms);
        const { refusedSinceMs, hungSinceMs } = pool.signals;
        if (what === 'refused') refusedSinceMs[slot] = clock.nowMs();
        else if (what === 'hung') hungSinceMs[slot] = clock.nowMs();
        else if (what === 'reached') refusedSinceMs[slot] = hungSinceMs[slot] = Number.NaN;
        else if (what === 'answered') health.answered(at(slot), clock.nowMs() - ms);
        else health[what](at(slot));
        const left = [...health.narrow(pool.all)];
        expect(left.length).toBeGreaterThan(0);
        expect(left).toEqual([...pool.all].filter((each) => left.includes(each)));
        expect([...health.narrow(Uint32Array.of(slot))]).toEqual([slot]);
      }
    }),
    { numRuns: 300 },
  );
});
