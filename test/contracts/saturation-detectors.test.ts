import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyFact, rigOf, withRole } from './catalog.ts';

describe.each(withRole('saturation-detector'))('$type keeps the saturation detector contract', (definition) => {
  it('tells a finite share that is not negative, whatever is known and in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 12 }), (facts) => {
        const { plugin, pool } = rigOf(definition, facts);
        const saturation = plugin.saturation(pool.all);
        expect(saturation).toBeGreaterThanOrEqual(0);
        expect(saturation).toBeLessThan(Number.POSITIVE_INFINITY);
        expect(plugin.saturation(pool.all.toReversed())).toBeCloseTo(saturation, 9);
      }),
    );
  });

  it('calls no endpoints full', () => {
    const { plugin, pool } = rigOf(definition, []);
    expect(plugin.saturation(pool.all)).toBe(1);
  });
});
