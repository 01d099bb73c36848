/** Randomness, passed in everywhere so that one seed replays one run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, bound); `bound` is a positive integer below 2^32. */
  below(bound: number): number;
}
