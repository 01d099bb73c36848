import { describe, expect, it } from 'vitest';
import { endpointAt, idlePool } from '../../../test/kit/pool.ts';
import { create, pluginContext } from '../../../test/kit/plugins.ts';
import { seededRandom } from '../../lib/random.ts';
import { maxScorePicker } from './max-score.ts';
import { randomPicker } from './random.ts';
import { weightedRandomPicker } from './weighted-random.ts';

const DRAWS = 6000;

/** How often each slot comes first. */
function firsts(definition: typeof maxScorePicker, scores: readonly number[]): number[] {
  const endpoints = idlePool(scores.length);
  const picker = create(definition, {}, pluginContext({ endpoints, random: seededRandom(3) }));
  const counts = scores.map(() => 0);
  for (let i = 0; i < DRAWS; i++) counts[picker.pick(endpoints.all, Float64Array.from(scores), 1)[0]]++;
  return counts.map((count) => count / DRAWS);
}

describe('max-score-picker', () => {
  it('ranks by score', () => {
    const endpoints = idlePool(4);
    const picker = create(maxScorePicker, {}, pluginContext({ endpoints }));
    expect([...picker.pick(endpoints.all, Float64Array.of(1, 4, 2, 3), 3)]).toEqual([1, 3, 2]);
  });

  it('breaks ties uniformly', () => {
    const [a, b, c, d] = firsts(maxScorePicker, [2, 1, 2, 2]);
    expect(b).toBe(0);
    for (const share of [a, c, d]) expect(share).toBeCloseTo(1 / 3, 1);
  });

  it('gives ties to the endpoint with the fewest unseen picks', () => {
    const endpoints = idlePool(3);
    for (const slot of [0, 0, 2]) endpoints.books.reserve(endpointAt(endpoints, slot));
    const picker = create(maxScorePicker, {}, pluginContext({ endpoints }));
    expect([...picker.pick(endpoints.all, Float64Array.of(1, 1, 1), 3)]).toEqual([1, 2, 0]);
  });
});

describe('weighted-random-picker', () => {
  it('draws in proportion to the scores', () => {
    const [a, b, c] = firsts(weightedRandomPicker, [3, 1, 0]);
    expect(a).toBeCloseTo(0.75, 1);
    expect(b).toBeCloseTo(0.25, 1);
    expect(c).toBe(0);
  });

  it('keeps tiny scores apart from none', () => {
    expect(firsts(weightedRandomPicker, [0, 1e-6])[1]).toBe(1);
  });

  it('leaves it to chance when no score is positive', () => {
    for (const share of firsts(weightedRandomPicker, [0, -1, 0])) expect(share).toBeCloseTo(1 / 3, 1);
  });
});

describe('random-picker', () => {
  it('ignores scores', () => {
    for (const share of firsts(randomPicker, [9, 0, 1])) expect(share).toBeCloseTo(1 / 3, 1);
  });
});
