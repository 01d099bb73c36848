import type { Clock } from '../core/clock.ts';
import type { Timers } from '../core/timers.ts';

/** The machine's monotonic clock: the same origin in every thread, so a worker's times compare with ours. */
export const systemClock: Clock = {
  nowMs() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};

/** The event loop's timers. A wait for somebody else's answer does not keep the process alive. */
export const systemTimers: Timers = {
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
