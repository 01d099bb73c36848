import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

const NAMES = ['queue-scorer', 'kv-cache-utilization-scorer', 'max-score-picker', 'random-picker'];

describe('nearest', () => {
  it.each([
    ['queue-scorer', 'queue-scorer'],
    ['queue-scorrer', 'queue-scorer'],
    ['quuee-scorer', 'queue-scorer'],
    ['Queue_Scorer', 'queue-scorer'],
    ['kv-utilization-scorer', 'kv-cache-utilization-scorer'],
    ['ramdon-picker', 'random-picker'],
  ])('takes %s for %s', (name, meant) => {
    expect(nearest(name, NAMES)).toBe(meant);
  });

  it.each(['', 'x', 'something-else-entirely', 'q'.repeat(65)])('has no idea about %j', (name) => {
    expect(nearest(name, NAMES)).toBeUndefined();
  });

  it('allows a third of the length, and no more', () => {
    expect(nearest('abcdefghixyz', ['abcdefghi'])).toBe('abcdefghi');
    expect(nearest('abcdefgwxyz', ['abcdefg'])).toBeUndefined();
  });

  it('does not replace a short name whole', () => {
    expect(nearest('ab', ['cd'])).toBeUndefined();
  });

  it('counts a swap of neighbours as one edit', () => {
    expect(nearest('abcd', ['acbd', 'abxy'])).toBe('acbd');
  });

  it('words the question', () => {
    expect(didYouMean('queue-scorrer', NAMES)).toBe(' (did you mean "queue-scorer"?)');
    expect(didYouMean('zzz', NAMES)).toBe('');
  });
});
