import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ENDPOINTS } from './columns.ts';
import { RecentSlots } from './recent-slots.ts';

function listed(recent: RecentSlots): number[] {
  const slots: number[] = [];
  for (let slot = recent.oldest; slot >= 0; slot = recent.newerThan(slot)) slots.push(slot);
  return slots;
}

describe('RecentSlots', () => {
  it('is the list a plain array would keep, whatever is used and removed', () => {
    const step = fc.record({ slot: fc.nat(7), gone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (steps, capacity) => {
        const recent = new RecentSlots(capacity);
        let plain: number[] = [];
        for (const { slot, gone } of steps) {
          plain = plain.filter((each) => each !== slot);
          if (gone) recent.remove(slot);
          else {
            recent.use(slot);
            plain = [...plain, slot].slice(-capacity);
          }
          expect(listed(recent)).toEqual(plain);
          expect(recent.size).toBe(plain.length);
          for (let each = 0; each < 8; each++) expect(recent.has(each)).toBe(plain.includes(each));
        }
      }),
    );
  });

  it('takes every slot a table can have', () => {
    const recent = new RecentSlots(2);
    recent.use(MAX_ENDPOINTS - 1);
    recent.use(0);
    expect(listed(recent)).toEqual([MAX_ENDPOINTS - 1, 0]);
    recent.use(5);
    expect(listed(recent)).toEqual([0, 5]);
  });
});
