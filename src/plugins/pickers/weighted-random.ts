import type { Candidates } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { pickerParameters } from './parameters.ts';
import { Ranking } from './ranking.ts';
import { shuffle } from './shuffle.ts';

/**
 * Draws endpoints in proportion to their scores, without replacement: key = U^(1/score), the highest keys win
 * (A-Res, Efraimidis and Spirakis 2006); taken as ln(U)/score, which orders alike and does not underflow. Scores of 0
 * and less come last; when all are, chance alone decides.
 */
export const weightedRandomPicker = definePlugin({
  kind: 'picker',
  type: 'weighted-random-picker',
  stability: 'beta',
  summary: 'Picks endpoints at random in proportion to their scores.',
  config: pickerParameters,
  create: ({ maxNumOfEndpoints }, { random }) => {
    const ranking = new Ranking(random);
    let keys = new Float64Array(64);
    return {
      maxEndpoints: maxNumOfEndpoints,
      pick(candidates, scores, count) {
        if (keys.length < candidates.length) keys = new Float64Array(candidates.length * 2);
        let anyPositive = false;
        for (let i = 0; i < candidates.length; i++) {
          const score = scores[i];
          keys[i] = score > 0 ? Math.log(random.next()) / score : Number.NEGATIVE_INFINITY;
          anyPositive ||= score > 0;
        }
        return anyPositive ? ranking.top(candidates, keys, count, noTies) : shuffle(candidates, count, random);
      },
    };
  },
});

/** Keys are random as it is; equal are those of scores that are not positive, which are drawn. */
function noTies(slots: Candidates, out: Float64Array): void {
  out.fill(0, 0, slots.length);
}
