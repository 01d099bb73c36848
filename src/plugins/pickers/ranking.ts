import type { Candidates } from '../../core/endpoint.ts';
import type { Random } from '../../core/random.ts';

/** Where the best of the candidates are that are not ranked yet, and what makes them equal. */
interface Class {
  readonly size: number;
  readonly key: number;
  readonly tie: number;
}

const NOBODY: Class = { size: 0, key: Number.POSITIVE_INFINITY, tie: Number.NEGATIVE_INFINITY };

/**
 * Ranks candidates by a key, in one pass for each class of equals and with a random number for each place that equals
 * compete for: in a pool of idle endpoints all are equals.
 */
export class Ranking {
  readonly #random: Random;
  /** Indices of the equals at hand. */
  #equals = new Uint32Array(64);

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * The `count` candidates with the highest keys, best first. Equal keys go to the lower `tieBreak`, and what is equal
   * there too is drawn uniformly at random. A key that is not a number is lower than all others.
   */
  top(candidates: Candidates, keys: Float64Array, count: number, tieBreak: (slot: number) => number): Candidates {
    if (this.#equals.length < candidates.length) this.#equals = new Uint32Array(candidates.length * 2);
    const picked = new Uint32Array(count);
    let best = NOBODY;
    for (let rank = 0; rank < count;) {
      best = this.#next(candidates, keys, tieBreak, best);
      for (let left = best.size; left > 0 && rank < count; left--) picked[rank++] = candidates[this.#draw(left)];
    }
    return picked;
  }

  /** Gathers the best of those that are worse than `above`. */
  #next(candidates: Candidates, keys: Float64Array, tieBreak: (slot: number) => number, above: Class): Class {
    const equals = this.#equals;
    let size = 0;
    let bestKey = Number.NEGATIVE_INFINITY;
    let bestTie = Number.POSITIVE_INFINITY;
    for (let i = 0; i < candidates.length; i++) {
      const key = Number.isNaN(keys[i]) ? Number.NEGATIVE_INFINITY : keys[i];
      if (key < bestKey || key > above.key) continue;
      const tie = tieBreak(candidates[i]);
      if (key === above.key && tie <= above.tie) continue;
      if (key > bestKey || tie < bestTie) {
        size = 0;
        bestKey = key;
        bestTie = tie;
      } else if (tie > bestTie) continue;
      equals[size++] = i;
    }
    return { size, key: bestKey, tie: bestTie };
  }

  /** Takes one of the first `left` equals; the last of them takes its place. */
  #draw(left: number): number {
    const equals = this.#equals;
    const at = left === 1 ? 0 : this.#random.below(left);
    const drawn = equals[at];
    equals[at] = equals[left - 1];
    return drawn;
  }
}
