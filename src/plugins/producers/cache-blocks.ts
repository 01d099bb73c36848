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
 * One length serves the whole pool, since a prompt is hashed once: the shortest any server ever reported, at least 64.
 * Shorter blocks lose nothing: what a server with longer ones has cached is a whole number of its own, and is rounded
 * down to that. With the commonest length instead, half of a pool of 64 and 128 would be believed to hold 32 tokens more
 * or less than it does, on average, and with 128 prompts that share less would never meet. A change of length forgets
 * every match, so it only ever gets shorter: servers that come and go must not make it waver.
 */
export class CacheBlocks {
  readonly #endpoints: EndpointView;
  readonly #clock: Clock;
  readonly #options: CacheBlockOptions;
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;
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
    const reported = this.#shortest < Number.POSITIVE_INFINITY;
    return Math.max(MIN_BLOCK_TOKENS, reported ? this.#shortest : this.#options.blockTokens);
  }

  /** Whether some server has longer blocks than ours, so that what it has cached is to be asked of `whole`. */
  get uneven(): boolean {
    return this.#longest > Math.max(MIN_BLOCK_TOKENS, this.#shortest);
  }

  /** Of `blocks` of `blockTokens`, those the endpoint can have cached: an engine caches whole blocks of its own. */
  whole(slot: number, blocks: number, blockTokens: number): number {
    const engineTokens = this.#endpoints.signals.blockTokens[slot];
    if (!(engineTokens > blockTokens)) return blocks;
    const cached = Math.floor((blocks * blockTokens) / engineTokens) * engineTokens;
    return Math.floor(cached / blockTokens);
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
    this.#longest = 0;
    for (const slot of all) {
      const tokens = this.#endpoints.signals.blockTokens[slot];
      if (!Number.isSafeInteger(tokens) || tokens <= 0) continue;
      this.#shortest = Math.min(this.#shortest, tokens);
      this.#longest = Math.max(this.#longest, tokens);
    }
  }
}
