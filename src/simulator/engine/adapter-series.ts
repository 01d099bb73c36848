/** Combinations kept; vLLM keeps them all. */
const MAX_SERIES = 2000;

/** Which adapters had requests, the way vLLM tells it: one series per combination there ever was, none ever dropped. */
export class AdapterSeries {
  /** Adapters that can run at once. */
  readonly maxLoras: number;
  readonly #lastMs = new Map<string, number>();

  constructor(maxLoras: number) {
    this.maxLoras = maxLoras;
  }

  /** Notes whose requests run or wait at `nowMs`. */
  note(adapters: ReadonlySet<string>, nowMs: number): void {
    const list = [...adapters].join(',');
    if (!this.#lastMs.has(list) && this.#lastMs.size >= MAX_SERIES) {
      for (const oldest of this.#lastMs.keys()) {
        this.#lastMs.delete(oldest);
        break;
      }
    }
    this.#lastMs.set(list, nowMs);
  }

  /** Comma-separated names, and when these were the ones. */
  get all(): Iterable<readonly [list: string, lastMs: number]> {
    return this.#lastMs;
  }
}
