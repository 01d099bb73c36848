import type { Candidates } from '../../core/endpoint.ts';
import type { Random } from '../../core/random.ts';

/**
 * The `count` candidates with the highest keys, best first. Equal keys go to the lower `tieBreak`, and what is equal
 * there too is drawn uniformly at random (reservoir sampling, so only ties cost a random number).
 */
export function top(
  candidates: Candidates,
  keys: Float64Array,
  count: number,
  random: Random,
  tieBreak: (slot: number) => number,
): Candidates {
  const picked = new Uint32Array(count);
  const taken = new Int32Array(count).fill(-1);
  for (let rank = 0; rank < count; rank++) {
    const best = bestOf(candidates, keys, taken, random, tieBreak);
    taken[rank] = best;
    picked[rank] = candidates[best];
  }
  return picked;
}

function bestOf(
  candidates: Candidates,
  keys: Float64Array,
  taken: Int32Array,
  random: Random,
  tieBreak: (slot: number) => number,
): number {
  let best = -1;
  let bestKey = Number.NEGATIVE_INFINITY;
  let bestTie = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (let i = 0; i < candidates.length; i++) {
    const key = keys[i];
    if (key < bestKey || taken.includes(i)) continue;
    const tie = tieBreak(candidates[i]);
    if (key > bestKey || tie < bestTie) {
      equals = 1;
      best = i;
      bestKey = key;
      bestTie = tie;
    } else if (tie === bestTie && random.below(++equals) === 0) {
      best = i;
    }
  }
  return best;
}
