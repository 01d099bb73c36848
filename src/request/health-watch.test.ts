import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { healthBook } from '../../test/kit/health.ts';
import { endpointAt, idlePool } from '../../test/kit/pool.ts';
import { HealthWatch } from './health-watch.ts';

/** A request picked for slot 0 that slot 1 helps with, and how the pool does. */
function rig() {
  const clock = manualClock();
  const pool = idlePool(4);
  const book = healthBook(pool, clock, {
    consecutiveErrors: 2,
    ejectMs: 1000,
    probeSuccesses: 1,
    slowStartMs: 0,
    firstByteTimeoutMs: 500,
  });
  const watch = (): HealthWatch => new HealthWatch(book, endpointAt(pool, 0), [endpointAt(pool, 1)]);
  const answered = (status: string): void => {
    const request = watch();
    request.status(status);
    request.end(10);
  };
  return { clock, pool, book, watch, answered, states: () => [0, 1, 2].map((slot) => book.stateOf(slot)) };
}

describe('an endpoint that helps', () => {
  it.each([
    ['200', ['healthy', 'healthy', 'healthy']],
    ['404', ['healthy', 'healthy', 'healthy']],
    ['503', ['ejected', 'ejected', 'healthy']],
  ])('is judged by the answer: %s twice', (status, states) => {
    const { answered, states: now } = rig();
    answered(status);
    answered(status);
    expect(now()).toEqual(states);
  });

  it('is not to blame for an answer that breaks after it began, nor for a client that left', () => {
    const { watch, states } = rig();
    for (let i = 0; i < 2; i++) {
      const request = watch();
      request.status('200');
      request.failedInside();
      request.end(10);
      watch().end(10);
    }
    expect(states()).toEqual(['suspect', 'healthy', 'healthy']);
  });

  it('is as silent as the endpoint that waits for it', () => {
    const { watch, states } = rig();
    watch().end(499);
    expect(states()).toEqual(['healthy', 'healthy', 'healthy']);
    watch().end(500);
    watch().end(500);
    expect(states()).toEqual(['ejected', 'ejected', 'healthy']);
  });

  it('that was ejected is tried with one request at a time, and returns with its answer', () => {
    const { clock, pool, book, watch, answered, states } = rig();
    answered('500');
    answered('500');
    clock.advance(1000);
    const usable = (): number[] => [...book.narrow(pool.all)];
    expect(usable()).toEqual([0, 1, 2, 3]);
    const probe = watch();
    expect(usable()).toEqual([2, 3]);
    probe.status('200');
    expect(states()).toEqual(['healthy', 'healthy', 'healthy']);
    probe.end(10);
    expect(usable()).toEqual([0, 1, 2, 3]);
  });
});
