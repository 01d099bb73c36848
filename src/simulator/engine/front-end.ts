import type { Alarm, Timeline } from './timeline.ts';

/** How long requests take to get past tokenising and templating. */
export interface FrontEndLimits {
  /** Delay of a request that finds the front end idle. */
  readonly requestDelayMs: number;
  /** Requests it can take in per second; more than that queue up in front of it. Infinity for no limit. */
  readonly requestsPerSecond: number;
}

/** The API process in front of the engine: a single server with a queue. */
export class FrontEnd {
  readonly #timeline: Timeline;
  readonly #delayMs: number;
  readonly #serviceMs: number;
  #freeAtMs = 0;
  #pending = 0;

  constructor(timeline: Timeline, limits: FrontEndLimits) {
    this.#timeline = timeline;
    this.#delayMs = limits.requestDelayMs;
    this.#serviceMs = 1000 / limits.requestsPerSecond;
  }

  /** Requests not yet handed to the engine. */
  get pending(): number {
    return this.#pending;
  }

  /** Calls `enter` once the request got through; undefined when that was at once. */
  pass(enter: () => void): Alarm | undefined {
    const nowMs = this.#timeline.nowMs();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    this.#freeAtMs = startMs + this.#serviceMs;
    const enterMs = startMs + this.#delayMs;
    if (enterMs <= nowMs) {
      enter();
      return undefined;
    }
    this.#pending += 1;
    return this.#timeline.at(enterMs, () => {
      this.#pending -= 1;
      enter();
    });
  }

  /** Forgets a request its client gave up. */
  drop(alarm: Alarm): void {
    alarm.cancel();
    this.#pending -= 1;
  }
}
