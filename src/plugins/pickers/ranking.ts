import type { Candidates } from '../../core/endpoint.ts';
import type { Random } from '../../core/random.ts';

/** Writes what equal keys go by: the lowest wins. `out[i]` belongs to `slots[i]`. */
export type ReadTies = (slots: Candidates, out: Float64Array) => void;

/** Where the best of the contenders that are not ranked yet are, and what makes them equal. */
interface Class {
  readonly size: number;
  readonly key: number;
  readonly tie: number;
}

const NOBODY: Class = { size: 0, key: Number.POSITIVE_INFINITY, tie: Number.NEGATIVE_INFINITY };

/**
 * Ranks candidates by a key. One pass leaves out who cannot be among the first, which is nearly everybody unless keys
 * are equal: only the others are looked at closer, and only places that equals compete for cost a random number.
 */
export class Ranking {
  readonly #random: Random;
  /** The highest keys so far, best first, as many as there are places. */
  #highest = new Float64Array(4);
  /** Who may be among the first: slots, with their keys and ties. */
  #slots = new Uint32Array(64);
  #keys = new Float64Array(64);
  #ties = new Float64Array(64);
  /** Places of equals in `#slots`. */
  #equals = new Uint32Array(64);

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * The `count` candidates with the highest keys, best first. Equal keys go to the lower tie, and what is equal there
   * too is drawn uniformly at random. A key that is not a number is lower than all others.
   */
  top(candidates: Candidates, keys: Float64Array, count: number, readTies: ReadTies): Candidates {
    this.#fit(candidates.length, count);
    const contenders = this.#contend(candidates, keys, count);
    readTies(this.#slots.subarray(0, contenders), this.#ties);
    const picked = new Uint32Array(count);
    let best = NOBODY;
    for (let rank = 0; rank < count;) {
      best = this.#next(contenders, best);
      for (let left = best.size; left > 0 && rank < count; left--) picked[rank++] = this.#slots[this.#draw(left)];
    }
    return picked;
  }

  /** Gathers all whose key is none of the too low ones by what was seen before it; returns how many those are. */
  #contend(candidates: Candidates, keys: Float64Array, count: number): number {
    const { length } = candidates;
    const slots = this.#slots;
    const kept = this.#keys;
    let size = 0;
    let floor = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) {
      const key = keys[i];
      if (key < floor) continue;
      slots[size] = candidates[i];
      kept[size] = Number.isNaN(key) ? Number.NEGATIVE_INFINITY : key;
      size++;
      if (key > floor) floor = this.#raise(key, count);
    }
    return size;
  }

  /** Puts a key among the highest, of which the lowest goes; returns the lowest of those that stay. */
  #raise(key: number, count: number): number {
    const highest = this.#highest;
    let at = count - 1;
    for (; at > 0 && highest[at - 1] < key; at--) highest[at] = highest[at - 1];
    highest[at] = key;
    return highest[count - 1];
  }

  /** Gathers the best of those contenders that are worse than `above`. */
  #next(contenders: number, above: Class): Class {
    const keys = this.#keys;
    const ties = this.#ties;
    const equals = this.#equals;
    let size = 0;
    let bestKey = Number.NEGATIVE_INFINITY;
    let bestTie = Number.POSITIVE_INFINITY;
    for (let i = 0; i < contenders; i++) {
      const key = keys[i];
      if (key < bestKey || key > above.key) continue;
      const tie = ties[i];
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

  #fit(candidates: number, count: number): void {
    if (this.#slots.length < candidates) {
      this.#slots = new Uint32Array(candidates * 2);
      this.#keys = new Float64Array(candidates * 2);
      this.#ties = new Float64Array(candidates * 2);
      this.#equals = new Uint32Array(candidates * 2);
    }
    if (this.#highest.length < count) this.#highest = new Float64Array(count);
    this.#highest.fill(Number.NEGATIVE_INFINITY);
  }
}
