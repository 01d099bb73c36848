import type { Random } from '../../core/random.ts';

/**
 * What one engine step costs, in milliseconds:
 * `base + prefill * P + attention * sum(tokens * position) + sum over decoding sequences (sequence + context * length)`.
 */
export interface StepCost {
  /** Reading the weights, whatever the batch. */
  readonly baseMs: number;
  /** Per prompt token computed. */
  readonly prefillMs: number;
  /** Per decoding sequence. */
  readonly sequenceMs: number;
  /** Per token of context a decoding sequence reads. */
  readonly contextMs: number;
  /** Per prompt token and per position before it; it matters from about 8,000 tokens. */
  readonly attentionMs: number;
}

/** Cost of computing `tokens` prompt tokens after `start` that are in the cache. */
export function prefillCostMs(cost: StepCost, start: number, tokens: number): number {
  return tokens * (cost.prefillMs + cost.attentionMs * (start + tokens / 2));
}

/** Cost of one more token for a sequence that is `length` tokens long. */
export function decodeCostMs(cost: StepCost, length: number): number {
  return cost.sequenceMs + cost.contextMs * length;
}

/** A factor for the next step's cost. */
export type StepNoise = () => number;

/** Every step costs what the model says. */
export const NO_NOISE: StepNoise = () => 1;

const SIGMA = 0.05;
const HICCUP_SHARE = 0.01;
const HICCUP_FACTOR = 2;

/** Log-normal noise of 5 %, and one step in a hundred that takes twice as long. */
export function measuredNoise(random: Random): StepNoise {
  return () => {
    // Box-Muller; 1 - u keeps the logarithm away from 0.
    const gaussian = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    const factor = Math.exp(SIGMA * gaussian);
    return random.next() < HICCUP_SHARE ? factor * HICCUP_FACTOR : factor;
  };
}
