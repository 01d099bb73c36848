import type { Clock } from '../core/clock.ts';

/** The machine's monotonic clock: the same origin in every thread, so a worker's times compare with ours. */
export const systemClock: Clock = {
  nowMs() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};
