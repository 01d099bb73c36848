import { expect, it } from 'vitest';
import { Objectives } from './objectives.ts';

it('gives the priority of a known objective and 0 for everything else', () => {
  const objectives = new Objectives();
  expect(objectives.priorityOf('gold')).toBe(0);
  objectives.replace([
    { name: 'gold', priority: 1 },
    { name: 'batch', priority: -2 },
    { name: 'gold', priority: 4 },
  ]);
  expect(['gold', 'batch', 'unknown', undefined].map((name) => objectives.priorityOf(name))).toEqual([4, -2, 0, 0]);
  objectives.replace([]);
  expect(objectives.priorityOf('gold')).toBe(0);
});
