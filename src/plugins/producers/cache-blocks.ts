import type { Clock } from '../../core/clock.ts';
import type { Candidates, EndpointView } from '../../core/endpoint.ts';

/** Smaller blocks cost memory and time without finding more. Source: contract 3.5, the reference does the same. */
const MIN_BLOCK_TOKENS = 64;
/** How long a block size stands before the servers' reports are looked at again. */
const REVIEW_MS = 1000;
/** No engine has more; keeps a nonsense report from becoming a limit of nothing. */
const MAX_CAPACITY = 2 ** 28;

export interface CacheBlockOptions {
  /** Believe the servers. */
  readonly autoTune: boolean;
  /** Tokens per block when they say nothing. */
  readonly blockTokens: number;
  /** Blocks per endpoint when it says nothing. */
  readonly capacity: number;
}

/**
 * How long our blocks are and how many of them an endpoint can have cached, from what the servers report.
 *
 * One length serves the whole pool, since a prompt is hashed once: the one most servers use, the shorter of equals.
 * A change forgets every match, so a length in use stays until another has strictly more servers.
 */
export class CacheBlocks {
  readonly #endpoints: EndpointView;
  readonly #clock: Clock;
  readonly #options: CacheBlockOptions;
  #reported: number | undefined;
  #reviewedMs = Number.NEGATIVE_INFINITY;
  #reviewed: Candidates | undefined;

  constructor(endpoints: EndpointView, clock: Clock, options: CacheBlockOptions) {
    this.#endpoints = endpoints;
    this.#clock = clock;
    this.#options = options;
  }

  /** Tokens per block. */
  tokens(): number {
    if (this.#options.autoTune) this.#review();
    return Math.max(MIN_BLOCK_TOKENS, this.#reported ?? this.#options.blockTokens);
  }

  /**
   * Blocks of `blockTokens` the endpoint's cache has room for: the engine counts in blocks of its own, usually
   * shorter, length.
   */
  capacity(slot: number, blockTokens: number): number {
    const { autoTune, capacity, blockTokens: configured } = this.#options;
    const { signals } = this.#endpoints;
    const engineBlocks = signals.blockCount[slot];
    if (!autoTune || !(engineBlocks > 0)) return capacity;
    const engineTokens = signals.blockTokens[slot] > 0 ? signals.blockTokens[slot] : configured;
    return Math.min(MAX_CAPACITY, Math.max(1, Math.floor((engineBlocks * engineTokens) / blockTokens)));
  }

  #review(): void {
    const { all } = this.#endpoints;
    const now = this.#clock.nowMs();
    if (all === this.#reviewed && now - this.#reviewedMs < REVIEW_MS) return;
    this.#reviewed = all;
    this.#reviewedMs = now;
    const servers = new Map<number, number>();
    for (const slot of all) {
      const tokens = this.#endpoints.signals.blockTokens[slot];
      if (Number.isSafeInteger(tokens) && tokens > 0) servers.set(tokens, (servers.get(tokens) ?? 0) + 1);
    }
    let most = this.#reported === undefined ? 0 : (servers.get(this.#reported) ?? 0);
    let held = most > 0;
    for (const [tokens, count] of servers) {
      const better = count > most || (count === most && !held && tokens < (this.#reported ?? 0));
      if (!better) continue;
      this.#reported = tokens;
      most = count;
      held = false;
    }
  }
}
