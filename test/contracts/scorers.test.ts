import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InferenceRequest } from '../../src/core/request.ts';
import { scoresOf } from '../kit/plugins.ts';
import { anyFact, type Rig, rigOf, withRole } from './catalog.ts';

const score = ({ plugin, pool }: Rig<'scorer'>, request: InferenceRequest, candidates = pool.all): number[] =>
  scoresOf(plugin, request, candidates);

describe.each(withRole('scorer'))('$type keeps the scorer contract', (definition) => {
  it('gives every candidate a finite value in [0, 1], whatever is known', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 12 }), (facts) => {
        const rig = rigOf(definition, facts);
        for (const value of [...score(rig, rig.request), ...score(rig, rig.bare)]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('does not depend on what was scored before', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 2, maxLength: 8 }), (facts) => {
        const rig = rigOf(definition, facts);
        const first = score(rig, rig.request);
        score(rig, rig.bare, rig.pool.all.slice(1));
        expect(score(rig, rig.request)).toEqual(first);
      }),
      { numRuns: 50 },
    );
  });

  it('does not depend on the order of the candidates', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 8 }), (facts) => {
        // A block somebody holds makes the request a warm one; cold ones are spread in table order.
        const rig = rigOf(definition, [{ ...facts[0], blocks: 1 }, ...facts.slice(1)]);
        const backward = score(rig, rig.request, rig.pool.all.toReversed());
        expect(backward.toReversed()).toEqual(score(rig, rig.request));
      }),
      { numRuns: 50 },
    );
  });

  it('takes no candidates, also of a request without a body', () => {
    const rig = rigOf(definition, []);
    expect(score(rig, rig.request)).toEqual([]);
    expect(score(rig, rig.bare)).toEqual([]);
  });

  it('writes only the places of its candidates', () => {
    const [fact] = fc.sample(anyFact, { numRuns: 1, seed: 1 });
    const { plugin, pool, request, bare } = rigOf(definition, [fact, fact, fact]);
    for (const each of [request, bare]) {
      const out = new Float64Array(5).fill(42);
      plugin.score(each, pool.all, out);
      expect([...out.subarray(3)]).toEqual([42, 42]);
    }
  });
});
