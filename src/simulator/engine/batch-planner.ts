import type { BlockPool } from './block-pool.ts';
import type { EngineStats } from './engine-stats.ts';
import { BLOCK_TOKENS } from './prompt.ts';
import type { Sequence } from './sequence.ts';

/** Limits of one step, as vLLM's scheduler has them. */
export interface BatchLimits {
  /** Sequences running at once. */
  readonly maxNumSeqs: number;
  /** Tokens computed in one step. */
  readonly maxBatchedTokens: number;
}

/**
 * Decides what each step computes: running sequences first, in order, then the queue, first come first served, while
 * the token budget, the sequence limit and the blocks last. Holds both lists and every sequence's blocks.
 */
export class BatchPlanner {
  readonly running: Sequence[] = [];
  readonly waiting: Sequence[] = [];
  readonly pool: BlockPool;
  readonly #limits: BatchLimits;
  readonly #stats: EngineStats;

  constructor(pool: BlockPool, limits: BatchLimits, stats: EngineStats) {
    this.pool = pool;
    this.#limits = limits;
    this.#stats = stats;
  }

  /** Fills `batch` with the sequences of the next step, each with its `stepTokens`. */
  plan(batch: Sequence[], nowMs: number): void {
    batch.length = 0;
    const preemptionsBefore = this.#stats.preemptions;
    const budget = this.#planRunning(batch);
    // Whoever was just evicted must not be let in again at the expense of those that made it go.
    if (this.#stats.preemptions === preemptionsBefore) this.#admit(batch, budget, nowMs);
  }

  /** Sequences in the queue since before step number `step` was planned. */
  waitingBefore(step: number): number {
    let count = this.waiting.length;
    while (count > 0 && this.waiting[count - 1].queuedAtStep >= step) count -= 1;
    return count;
  }

  /** Takes a sequence out, wherever it is, and frees its blocks. */
  remove(sequence: Sequence): void {
    for (const list of [this.running, this.waiting]) {
      const index = list.indexOf(sequence);
      if (index >= 0) list.splice(index, 1);
    }
    this.#release(sequence);
  }

  /** Drops the sequences that are done from the running list and frees their blocks. */
  sweep(): void {
    const { running } = this;
    let kept = 0;
    for (const sequence of running) {
      if (sequence.done) {
        this.#release(sequence);
      } else {
        running[kept] = sequence;
        kept += 1;
      }
    }
    running.length = kept;
  }

  #planRunning(batch: Sequence[]): number {
    const { running } = this;
    let budget = this.#limits.maxBatchedTokens;
    for (let index = 0; index < running.length && budget > 0; index += 1) {
      const sequence = running[index];
      const tokens = Math.min(budget, sequence.length - sequence.computed);
      if (!this.#makeRoom(sequence, sequence.computed + tokens)) break;
      sequence.stepTokens = tokens;
      budget -= tokens;
      batch.push(sequence);
    }
    return budget;
  }

  #admit(batch: Sequence[], budgetLeft: number, nowMs: number): void {
    const { running, waiting } = this;
    let budget = budgetLeft;
    while (waiting.length > 0 && budget > 0 && running.length < this.#limits.maxNumSeqs) {
      const sequence = waiting[0];
      const tokens = this.#place(sequence, budget);
      // The head waits for blocks and nobody overtakes it.
      if (tokens === 0) return;
      waiting.shift();
      if (sequence.admittedMs < 0) sequence.admittedMs = nowMs;
      sequence.stepTokens = tokens;
      budget -= tokens;
      running.push(sequence);
      batch.push(sequence);
    }
  }

  /** Gives a waiting sequence its cached blocks and those of its first chunk; 0 when the whole of it does not fit. */
  #place(sequence: Sequence, budget: number): number {
    const { pool } = this;
    // At least one token is computed, or there would be nothing to sample from.
    const hits = pool.match(sequence.hashes, Math.floor((sequence.length - 1) / BLOCK_TOKENS));
    const needed = blocksFor(sequence.length) - hits.length;
    if (needed + pool.countFree(hits) > pool.free) return 0;
    for (const block of hits) pool.share(block);
    sequence.blocks = hits;
    sequence.computed = hits.length * BLOCK_TOKENS;
    this.#countHits(sequence);
    if (sequence.request.received === true && sequence.admittedMs < 0) this.#receive(sequence);
    const tokens = Math.min(budget, sequence.length - sequence.computed);
    this.#grow(sequence, sequence.computed + tokens);
    return tokens;
  }

  #countHits(sequence: Sequence): void {
    if (sequence.admittedMs >= 0) {
      this.#stats.promptTokensRecomputed += Math.max(0, sequence.prompt.tokens - sequence.computed);
      return;
    }
    sequence.cachedTokens = sequence.computed;
    this.#stats.prefixQueries += sequence.prompt.tokens;
    this.#stats.prefixHits += sequence.computed;
  }

  /** Takes in what another server computed; the last token is left, or there would be nothing to sample from. */
  #receive(sequence: Sequence): void {
    const { computed, prompt } = sequence;
    const received = prompt.tokens - 1;
    if (received <= computed) return;
    this.#grow(sequence, received);
    const whole = Math.floor(received / BLOCK_TOKENS);
    for (let block = computed / BLOCK_TOKENS; block < whole; block += 1) {
      this.pool.publish(sequence.blocks[block], sequence.hashes[block]);
    }
    sequence.computed = received;
    sequence.cachedTokens = received;
    sequence.receivedTokens = received - computed;
  }

  /** Evicts from the end of the running list until `sequence` can hold `tokens`; false when it had to go itself. */
  #makeRoom(sequence: Sequence, tokens: number): boolean {
    const needed = blocksFor(tokens) - sequence.blocks.length;
    while (this.pool.free < needed) {
      const victim = this.running.pop()!;
      this.#release(victim);
      victim.computed = 0;
      this.waiting.unshift(victim);
      this.#stats.preemptions += 1;
      if (victim === sequence) return false;
    }
    this.#grow(sequence, tokens);
    return true;
  }

  #grow(sequence: Sequence, tokens: number): void {
    const wanted = blocksFor(tokens);
    while (sequence.blocks.length < wanted) sequence.blocks.push(this.pool.allocate());
  }

  #release(sequence: Sequence): void {
    this.pool.release(sequence.blocks);
    sequence.blocks = [];
  }
}

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}
