import type { Clock } from '../core/clock.ts';

/** Lets a line into the log at once and then only now and then: what happens a thousand times a second is one line. */
export class LineLimit {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #heldBack = 0;

  constructor(clock: Clock, pauseMs: number) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
  }

  /** How many lines were held back before this one; undefined holds back this one too. */
  next(): number | undefined {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#nextAtMs) {
      this.#heldBack++;
      return undefined;
    }
    this.#nextAtMs = nowMs + this.#pauseMs;
    const heldBack = this.#heldBack;
    this.#heldBack = 0;
    return heldBack;
  }
}
