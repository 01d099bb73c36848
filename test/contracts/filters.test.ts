import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptBy } from '../kit/plugins.ts';
import { anyFact, rigOf, withRole } from './catalog.ts';

describe.each(withRole('filter'))('$type keeps the filter contract', (definition) => {
  it('keeps some of the candidates, in their order and untouched, whatever is known', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), fc.boolean(), (facts, known) => {
        const { plugin, pool, request, bare } = rigOf(definition, facts);
        const candidates = pool.all.slice();
        const left = plugin.filter(known ? request : bare, candidates);
        expect([...candidates]).toEqual([...pool.all]);
        const kept = new Set(left);
        expect([...left]).toEqual([...candidates].filter((slot) => kept.has(slot)));
      }),
      { numRuns: 200 },
    );
  });

  it('finds nothing more to remove in what it kept, and hands that back as it is', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 8 }), (facts) => {
        const { plugin, pool, request } = rigOf(definition, facts);
        const left = plugin.filter(request, pool.all);
        expect(plugin.filter(request, left)).toBe(left);
      }),
      { numRuns: 50 },
    );
  });

  it('never adds: nobody stays nobody', () => {
    const { plugin, request, bare } = rigOf(definition, []);
    const nobody = new Uint32Array(0);
    expect(plugin.filter(request, nobody)).toHaveLength(0);
    expect(plugin.filter(bare, nobody)).toHaveLength(0);
  });

  it('sees labels of an endpoint that came into the slot of another', () => {
    const labels = { 'llm-d.ai/role': 'decode', 'llm-d.ai/context-length-range': '0-100' };
    const [fact] = fc.sample(anyFact, { numRuns: 1, seed: 1 });
    const rig = rigOf(definition, [{ ...fact, labels: {} }]);
    rig.plugin.filter(rig.request, rig.pool.all);
    const fresh = rigOf(definition, [{ ...fact, labels }]);
    // The same slot, another tenant: the answer is that of a plugin that never saw the first one.
    const at = (slot: number) => {
      const tenant = fresh.pool.at(slot);
      return tenant && { ...tenant, generation: 77 };
    };
    rig.pool.at = at;
    expect(keptBy(rig.plugin, rig.request, rig.pool.all)).toEqual(keptBy(fresh.plugin, fresh.request, fresh.pool.all));
  });
});
