import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrow } from './narrow.ts';

describe('narrow', () => {
  it('is what Array.filter is, asks about each candidate once and changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.nat(50), (slots, limit) => {
        const candidates = Uint32Array.from(slots);
        let asked = 0;
        const left = narrow(candidates, (slot) => {
          asked++;
          return slot < limit;
        });
        expect([...left]).toEqual(slots.filter((slot) => slot < limit));
        expect(asked).toBe(slots.length);
        expect([...candidates]).toEqual(slots);
      }),
    );
  });

  it('hands back the array it got when it keeps all of it', () => {
    const candidates = Uint32Array.of(3, 1, 2);
    expect(narrow(candidates, () => true)).toBe(candidates);
    const none = new Uint32Array(0);
    expect(narrow(none, () => false)).toBe(none);
  });
});
