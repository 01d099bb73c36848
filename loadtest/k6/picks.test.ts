import { describe, expect, it } from 'vitest';
import { picksOf, ReturnWatch } from './picks.ts';

it('counts picks between two counts, of servers that were never picked before too', () => {
  expect(picksOf({ a: 1, b: 5 }, { a: 1, b: 7, c: 3 }, 'c')).toEqual({ server: 3, all: 5 });
  expect(picksOf({}, {}, 'a')).toEqual({ server: 0, all: 0 });
});

describe('the return of a server of two', () => {
  const watched = (...counts: [number, number, number][]): boolean[] => {
    const watch = new ReturnWatch('a', 2, 2);
    return counts.map(([seconds, a, b]) => watch.isBack(seconds, { a, b }));
  };

  it('is seen once its share over a whole window is 0.8 of an equal one', () => {
    expect(watched([0, 0, 0], [1, 40, 60], [2, 79, 120], [3, 120, 180])).toEqual([false, false, false, true]);
    expect(watched([0, 0, 0], [1.9, 50, 50], [2, 40, 60])).toEqual([false, false, true]);
  });

  it('forgets what came before the window', () => {
    expect(watched([0, 0, 0], [2, 0, 1000], [4, 40, 1060])).toEqual([false, false, true]);
  });

  it('is not seen while nobody is picked', () => {
    expect(watched([0, 9, 9], [5, 9, 9])).toEqual([false, false]);
  });
});
