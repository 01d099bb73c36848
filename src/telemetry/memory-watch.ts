import type { Clock } from '../core/clock.ts';
import { LineLimit } from './line-limit.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** A share of its limit from which memory is told to run out. */
const NEAR_SHARE = 0.9;
const LOG_PAUSE_MS = 60_000;

/** One kind of memory that ends the process when its limit is reached. */
export interface BoundedMemory {
  /** Value of the label: `heap` or `process`. */
  readonly kind: string;
  readonly limitBytes: number;
  usedBytes(): number;
}

/** What watching memory needs. */
export interface MemoryParts {
  readonly memories: readonly BoundedMemory[];
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Exports limits of memory, and warns when one is near. The process metrics have what is in use. */
export class MemoryWatch {
  readonly #parts: MemoryParts;
  readonly #lines: ReadonlyMap<BoundedMemory, LineLimit>;

  constructor(parts: MemoryParts) {
    this.#parts = parts;
    this.#lines = new Map(parts.memories.map((memory) => [memory, new LineLimit(parts.clock, LOG_PAUSE_MS)]));
    const limits = parts.metrics.gauge('memory_limit_bytes');
    for (const { kind, limitBytes } of parts.memories) limits.set({ kind }, limitBytes);
  }

  /** To be called every few seconds. */
  look(): void {
    for (const [memory, lines] of this.#lines) {
      const { kind, limitBytes } = memory;
      const usedBytes = memory.usedBytes();
      if (usedBytes < limitBytes * NEAR_SHARE || lines.next() === undefined) continue;
      this.#parts.log.warn(
        { kind, usedBytes, limitBytes },
        'memory runs out, and the process ends when it does; give it more, or lower --max-streams or --max-held-body-bytes',
      );
    }
  }
}
