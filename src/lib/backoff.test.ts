import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

const backoffAt = (chance: number) =>
  new Backoff({ firstMs: 200, mostMs: 1_000, random: { next: () => chance, below: () => 0 } });

describe('backoff', () => {
  it('doubles up to the most, with at least half of each pause certain', () => {
    const least = backoffAt(0);
    expect([1, 2, 3, 4, 5].map(() => least.next())).toEqual([100, 200, 400, 500, 500]);
    const most = backoffAt(1);
    expect([1, 2, 3, 4, 5].map(() => most.next())).toEqual([200, 400, 800, 1_000, 1_000]);
  });

  it('begins anew after a try that went well', () => {
    const backoff = backoffAt(1);
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(200);
  });

  it('does not overflow however often it fails', () => {
    const backoff = backoffAt(1);
    for (let i = 0; i < 5_000; i++) backoff.next();
    expect(backoff.next()).toBe(1_000);
  });
});
