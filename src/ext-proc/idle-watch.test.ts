import { describe, expect, it } from 'vitest';
import { manualTimers } from '../../test/kit/clock.ts';
import { IdleWatch, type Watched } from './idle-watch.ts';

function setUp(timeoutMs: number) {
  const timers = manualTimers();
  const watch = new IdleWatch(timeoutMs, timers);
  const expired: string[] = [];
  const stream = (name: string): Watched => {
    const watched: Watched = { activeTick: 0, expire: () => void expired.push(name) };
    watch.add(watched);
    return watched;
  };
  return { timers, watch, expired, stream };
}

describe('a watch for idle streams', () => {
  it('finds a stream silent after the time-out, at most a tick later, and once', () => {
    const { timers, expired, stream } = setUp(800);
    stream('silent');
    for (let i = 0; i < 8; i++) timers.advance(100);
    expect(expired).toEqual([]);
    timers.advance(100);
    expect(expired).toEqual(['silent']);
    expect(timers.waiting).toBe(0);
  });

  it('leaves a stream alone on which something happens, and one that is over', () => {
    const { timers, watch, expired, stream } = setUp(800);
    const busy = stream('busy');
    watch.delete(stream('over'));
    for (let i = 0; i < 50; i++) {
      timers.advance(100);
      if (i % 8 === 0) busy.activeTick = watch.tick;
    }
    expect(expired).toEqual([]);
  });

  it('does not count the time this process stood still', () => {
    const { timers, expired, stream } = setUp(800);
    stream('patient');
    timers.advance(60_000);
    expect(expired).toEqual([]);
  });

  it('ticks only while there is a stream, and begins anew with the next', () => {
    const { timers, watch, expired, stream } = setUp(800);
    expect(timers.waiting).toBe(0);
    watch.delete(stream('short'));
    timers.advance(100);
    expect(timers.waiting).toBe(0);
    stream('late');
    for (let i = 0; i < 9; i++) timers.advance(100);
    expect(expired).toEqual(['late']);
  });

  it('watches nothing without a time-out', () => {
    const { timers, stream } = setUp(0);
    stream('free');
    expect(timers.waiting).toBe(0);
  });
});
