import { describe, expect, it } from 'vitest';
import { manualClock, manualTimers } from '../../test/kit/clock.ts';
import { createLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { watchStalls } from './stalls.ts';

function setUp() {
  const clock = manualClock();
  const timers = manualTimers();
  const metrics = new Metrics({ processMetrics: false });
  const lines: unknown[] = [];
  const log = createLog('warn', { write: (line) => void lines.push(JSON.parse(line)) });
  const stop = watchStalls({ clock, timers, metrics, log });
  /** The loop comes by after `ms`. */
  const beat = (ms = 20): void => {
    clock.advance(ms);
    timers.advance(20);
  };
  const counted = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => /stall_seconds_(sum|count)/.test(line));
  return { timers, lines, stop, beat, counted };
}

describe('a watch for stalls', () => {
  it('counts what is 100 ms late, not what is less', async () => {
    const { lines, beat, counted } = setUp();
    for (const ms of [20, 119, 20, 120]) beat(ms);
    expect(await counted()).toEqual([
      'llm_d_epp_event_loop_stall_seconds_sum 0.1',
      'llm_d_epp_event_loop_stall_seconds_count 1',
    ]);
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', stallMs: 100, heldBack: 0 })]);
  });

  it('puts one line in ten seconds into the log, and says how many it held back', async () => {
    const { lines, beat, counted } = setUp();
    for (const ms of [1020, 2020, 3020, 4019]) beat(ms);
    expect(lines).toHaveLength(1);
    beat(1020);
    expect(lines).toEqual([
      expect.objectContaining({ stallMs: 1000, heldBack: 0 }),
      expect.objectContaining({ stallMs: 1000, heldBack: 3 }),
    ]);
    expect((await counted())[1]).toMatch(/ 5$/);
  });

  it('ends when told to', () => {
    const { timers, stop, beat } = setUp();
    beat();
    stop();
    expect(timers.waiting).toBe(0);
  });
});
