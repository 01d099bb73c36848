import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { idlePool } from '../kit/pool.ts';
import { create, pluginContext } from '../kit/plugins.ts';

const pickers = PLUGINS.filter(({ kind }) => kind === 'picker') as readonly PluginDefinition<'picker'>[];
const anyScore = fc.oneof(fc.double({ min: -2, max: 10, noNaN: true }), fc.constant(0), fc.constant(1));

describe.each(pickers)('$type keeps the picker contract', (definition) => {
  it('ranks exactly as many candidates as asked, none twice', () => {
    fc.assert(
      fc.property(fc.array(anyScore, { minLength: 1, maxLength: 20 }), fc.nat(), fc.nat(), (scores, seed, want) => {
        const endpoints = idlePool(scores.length);
        const count = 1 + (want % scores.length);
        const picker = create(definition, {}, pluginContext({ endpoints, random: seededRandom(seed) }));
        const picked = picker.pick(endpoints.all, Float64Array.from(scores), count);
        expect(picked).toHaveLength(count);
        expect(new Set(picked).size).toBe(count);
        for (const slot of picked) expect(endpoints.all).toContain(slot);
      }),
      { numRuns: 200 },
    );
  });

  it('is decided by the seed', () => {
    const endpoints = idlePool(10);
    const scores = Float64Array.from({ length: 10 }, (_, i) => i % 3);
    const run = (): number[] => {
      const picker = create(definition, {}, pluginContext({ endpoints, random: seededRandom(7) }));
      return Array.from({ length: 20 }, () => [...picker.pick(endpoints.all, scores, 3)]).flat();
    };
    expect(run()).toEqual(run());
  });

  it.each([
    [{}, 1],
    [{ maxNumOfEndpoints: 4 }, 4],
    [{ maxNumOfEndpoints: 0 }, 1],
    [{ maxNumOfEndpoints: -3 }, 1],
  ])('reads %j as %i endpoints', (parameters, expected) => {
    expect(create(definition, parameters).maxEndpoints).toBe(expected);
  });
});
