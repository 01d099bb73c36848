import type { Random } from '../core/random.ts';

/** Bounds of the pauses between tries. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly mostMs: number;
  readonly random: Random;
}

/** Pauses that double from try to try, each somewhere between half of itself and all of it, so that many do not try at once. */
export class Backoff {
  readonly #options: BackoffOptions;
  #tries = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How long to wait before the next try, in ms. */
  next(): number {
    const { firstMs, mostMs, random } = this.#options;
    const ceilingMs = Math.min(mostMs, firstMs * 2 ** this.#tries);
    if (ceilingMs < mostMs) this.#tries++;
    return (ceilingMs / 2) * (1 + random.next());
  }

  /** A try went well: the next pause is a short one again. */
  reset(): void {
    this.#tries = 0;
  }
}
