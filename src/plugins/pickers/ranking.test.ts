import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { Ranking, type ReadTies } from './ranking.ts';

const ranking = new Ranking(seededRandom(5));

function rank(keys: readonly number[], ties: readonly number[], count: number): number[] {
  const readTies: ReadTies = (slots, out) => {
    for (const [i, slot] of slots.entries()) out[i] = ties[slot];
  };
  return [...ranking.top(Uint32Array.from(keys.keys()), Float64Array.from(keys), count, readTies)];
}

describe('Ranking', () => {
  it('orders by key, then by tie break, and names nobody twice', () => {
    const few = fc.constantFrom(0, 1, 2, 0.5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN);
    const candidate = fc.record({ key: few, tie: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 12 }), fc.nat(12), (candidates, wanted) => {
        const keys = candidates.map(({ key }) => key);
        const ties = candidates.map(({ tie }) => tie);
        const picked = rank(keys, ties, Math.min(wanted, keys.length));
        expect(new Set(picked).size).toBe(picked.length);
        const valueOf = (i: number): [number, number] => [
          Number.isNaN(keys[i]) ? Number.NEGATIVE_INFINITY : keys[i],
          ties[i],
        ];
        const sorted = [...keys.keys()].map(valueOf).toSorted(([a, x], [b, y]) => (a === b ? x - y : a < b ? 1 : -1));
        expect(picked.map(valueOf)).toEqual(sorted.slice(0, picked.length));
      }),
    );
  });

  it('draws equals uniformly for every place', () => {
    const counts = Array.from({ length: 3 }, () => new Float64Array(5));
    for (let i = 0; i < 6000; i++) {
      for (const [place, slot] of rank([1, 2, 1, 1, 1], [0, 9, 0, 0, 0], 3).entries()) counts[place][slot] += 1 / 6000;
    }
    expect(counts[0][1]).toBeCloseTo(1);
    for (const place of [1, 2]) for (const slot of [0, 2, 3, 4]) expect(counts[place][slot]).toBeCloseTo(1 / 4, 1);
  });
});
