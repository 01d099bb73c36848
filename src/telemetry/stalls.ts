import type { Clock } from '../core/clock.ts';
import type { Timers } from '../core/timers.ts';
import { LineLimit } from './line-limit.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** How often the event loop is asked to come by; a stall is measured this short of its length at worst. */
const BEAT_MS = 20;
/** Requests notice from here on. */
const STALL_MS = 100;
const LOG_PAUSE_MS = 10_000;

/** What watching for stalls needs. */
export interface StallParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Watches for moments in which the event loop stands still and nobody is served. The process metrics have quantiles of its
 * delay since they were last read; what they lack is how often it was bad, and when. Stopped by what it returns.
 */
export function watchStalls({ clock, timers, metrics, log }: StallParts): () => void {
  const stalls = metrics.histogram('event_loop_stall_seconds').labels({});
  const lines = new LineLimit(clock, LOG_PAUSE_MS);
  let cancel: (() => void) | undefined;
  const beat = (): void => {
    const dueAtMs = clock.nowMs() + BEAT_MS;
    cancel = timers.after(BEAT_MS, () => {
      const stallMs = Math.round(clock.nowMs() - dueAtMs);
      if (stallMs >= STALL_MS) noteStall(stallMs);
      beat();
    });
  };
  const noteStall = (stallMs: number): void => {
    stalls.observe(stallMs / 1000);
    const heldBack = lines.next();
    if (heldBack !== undefined)
      log.warn({ stallMs, heldBack }, 'the event loop stood still; nobody was served meanwhile');
  };
  beat();
  return () => cancel?.();
}
