import type { Timers } from '../core/timers.ts';

/** Looks a time-out: a stream ends when it was silent for so long, or up to a tick longer. */
const TICKS = 8;

/** A stream that can be found silent. */
export interface Watched {
  /** The watch's `tick` when the last message went either way. */
  activeTick: number;
  /** It was silent for too long; called once, and it is watched no more. */
  expire(): void;
}

/**
 * Finds streams on which nothing happens. Time is counted in ticks, so that a message costs one assignment, and a process
 * that stood still does not take its own silence for that of its peers.
 */
export class IdleWatch {
  /** Undefined watches nothing. */
  readonly timeoutMs: number | undefined;
  readonly #timers: Timers;
  readonly #streams = new Set<Watched>();
  #ticking = false;
  tick = 0;

  /** A time-out of 0 watches nothing. */
  constructor(timeoutMs: number, timers: Timers) {
    this.timeoutMs = timeoutMs > 0 ? timeoutMs : undefined;
    this.#timers = timers;
  }

  add(stream: Watched): void {
    if (this.timeoutMs === undefined) return;
    stream.activeTick = this.tick;
    this.#streams.add(stream);
    if (!this.#ticking) this.#await(this.timeoutMs);
  }

  delete(stream: Watched): void {
    this.#streams.delete(stream);
  }

  /** Ticks go on only while there is somebody to watch. */
  #await(timeoutMs: number): void {
    this.#ticking = this.#streams.size > 0;
    if (!this.#ticking) return;
    this.#timers.after(timeoutMs / TICKS, () => {
      this.#look();
      this.#await(timeoutMs);
    });
  }

  #look(): void {
    this.tick++;
    for (const stream of this.#streams) {
      // A message comes somewhere within its tick, so that one tick more is a whole time-out.
      if (this.tick - stream.activeTick <= TICKS) continue;
      this.#streams.delete(stream);
      stream.expire();
    }
  }
}
