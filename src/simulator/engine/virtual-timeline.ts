import { AlarmQueue, type Alarm, type Timeline } from './timeline.ts';

/** Time that jumps from one alarm to the next: a simulated hour takes as long as its events. */
export class VirtualTimeline implements Timeline {
  readonly lagToleranceMs = 0;
  readonly #queue = new AlarmQueue();
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  at(timeMs: number, task: () => void): Alarm {
    return this.#queue.add(Math.max(timeMs, this.#nowMs), task);
  }

  /** Runs every alarm up to `untilMs`, all of them by default, and leaves the clock there if it is finite. */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (let first = this.#queue.first; first !== undefined && first.timeMs <= untilMs; first = this.#queue.first) {
      this.#queue.take();
      this.#nowMs = first.timeMs;
      first.ring();
    }
    if (untilMs !== Number.POSITIVE_INFINITY) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}
