/**
 * Takes turns between choices in proportion to their weights, without chance: after any `sum of weights` turns each
 * choice was taken exactly its weight's times, and at no moment is one far ahead of its share. That makes a 1 % canary
 * get its first request within the first hundred, which a draw would not promise. The price is that replicas which
 * start together take the same turns.
 *
 * Method: smooth weighted round robin, as nginx balances upstreams. Every turn each choice earns its weight, the
 * richest is taken and pays the sum; ties go to the first listed.
 */
export class WeightedTurns {
  readonly #weights: readonly number[];
  readonly #sum: number;
  readonly #credits: Float64Array;

  /** Weights are non-negative integers; a choice of weight 0 is never taken, unless all are 0: then all are equal. */
  constructor(weights: readonly number[]) {
    const given = weights.reduce((sum, weight) => sum + weight, 0);
    this.#weights = given === 0 ? weights.map(() => 1) : weights;
    this.#sum = given === 0 ? weights.length : given;
    this.#credits = new Float64Array(weights.length);
  }

  /** Index of the choice whose turn it is; -1 when there is none. */
  next(): number {
    const credits = this.#credits;
    let richest = -1;
    for (const [index, weight] of this.#weights.entries()) {
      if (weight === 0) continue;
      credits[index] += weight;
      if (richest === -1 || credits[index] > credits[richest]) richest = index;
    }
    if (richest !== -1) credits[richest] -= this.#sum;
    return richest;
  }
}
