import { expect, it } from 'vitest';
import { percentile, slopePerMinute, spread } from './statistics.ts';

it('slope per minute of points a line goes through', () => {
  expect(
    slopePerMinute([
      [0, 10],
      [30, 11],
      [60, 12],
    ]),
  ).toBeCloseTo(2, 10);
  expect(
    slopePerMinute([
      [0, 5],
      [60, 7],
      [120, 5],
    ]),
  ).toBeCloseTo(0, 10);
  expect(slopePerMinute([[0, 5]])).toBeNaN();
});

it('percentile by nearest rank', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile(values, 1)).toBe(200);
  expect(percentile([], 0.5)).toBeNaN();
});

it('spread counts servers that got nothing', () => {
  expect(spread([4, 4, 4, 4])).toBe(1);
  expect(spread([4, 4], 2)).toBe(2);
  expect(spread([30], 7)).toBe(8);
});
