import { expect, it } from 'vitest';
import { PageMemory } from './page-memory.ts';

const NOTHING = Buffer.alloc(0);
const KEPT = 1024 * 1024;

it('grows with what is there, and lends what came back', () => {
  const memory = new PageMemory();
  const small = memory.grow(NOTHING, 3);
  small.write('abc');
  const large = memory.grow(small, small.length + 1);
  expect(large.length).toBeGreaterThan(small.length);
  expect(large.toString('latin1', 0, 3)).toBe('abc');
  memory.giveBack(large);
  expect(memory.grow(NOTHING, 1)).toBe(large);
  expect(memory.grow(NOTHING, 1)).not.toBe(large);
});

it('lets go of what is too small for a page', () => {
  const memory = new PageMemory();
  const small = memory.grow(NOTHING, 1);
  memory.giveBack(small);
  expect(memory.grow(NOTHING, small.length + 1).length).toBeGreaterThan(small.length);
});

it('keeps a few pieces, none of them huge', () => {
  const memory = new PageMemory();
  const huge = memory.grow(NOTHING, KEPT + 1);
  const largest = memory.grow(NOTHING, KEPT);
  memory.giveBack(largest);
  memory.giveBack(huge);
  expect(memory.grow(NOTHING, 1)).toBe(largest);
  const lent = Array.from({ length: 17 }, () => memory.grow(NOTHING, 1));
  for (const room of lent) memory.giveBack(room);
  const again = Array.from({ length: 17 }, () => memory.grow(NOTHING, 1));
  expect(again.filter((room) => lent.includes(room))).toHaveLength(16);
});
