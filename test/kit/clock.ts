import type { Clock } from '../../src/core/clock.ts';
import type { Timers } from '../../src/core/timers.ts';

/** A clock that stands still until told. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(startMs = 1_000_000): ManualClock {
  let now = startMs;
  return {
    nowMs: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

/** Timers that fire when told, in the order they are due. */
export interface ManualTimers extends Timers {
  /** Lets `ms` pass. */
  advance(ms: number): void;
  /** Waits that neither fired nor were taken back. */
  readonly waiting: number;
}

export function manualTimers(): ManualTimers {
  let now = 0;
  const pending = new Set<{ readonly dueMs: number; readonly fire: () => void }>();
  return {
    after(ms, fire) {
      const entry = { dueMs: now + ms, fire };
      pending.add(entry);
      return () => pending.delete(entry);
    },
    advance(ms) {
      now += ms;
      for (const entry of [...pending].sort((a, b) => a.dueMs - b.dueMs)) {
        if (entry.dueMs <= now && pending.delete(entry)) entry.fire();
      }
    },
    get waiting() {
      return pending.size;
    },
  };
}
