import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';

/** Time and chance of loops that talk to the API server, passed in so that tests decide both. */
export interface Timing {
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves after `ms`, or at once when `signal` is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}
