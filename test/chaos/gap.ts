import type { Exchange } from './chat.ts';

/** The time during which something was not there. */
export class Gap {
  #fromMs = Number.NaN;
  #toMs = Number.NaN;

  async around(absence: () => Promise<void>, then: () => Promise<void>): Promise<void> {
    this.#fromMs = performance.now();
    await absence();
    this.#toMs = performance.now();
    await then();
  }

  /** Whether a chat was sent in it. */
  began({ startedMs }: Exchange): boolean {
    return startedMs >= this.#fromMs && startedMs <= this.#toMs;
  }

  /** Whether any of a chat fell into it. */
  overlaps({ startedMs, endedMs }: Exchange): boolean {
    return startedMs <= this.#toMs && endedMs >= this.#fromMs;
  }
}
