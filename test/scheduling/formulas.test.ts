import { describe, expect, it } from 'vitest';
import type { PluginKind } from '../../src/core/kinds.ts';
import { hasRole, type PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { inRole, keptBy } from '../kit/plugins.ts';
import { FILTER_CASES } from './filter-cases.ts';
import { SCORER_CASES } from './scorer-cases.ts';
import { staged } from './stage.ts';

/** Types whose values are pinned in the test beside them only. */
const ELSEWHERE = new Set(['session-affinity-filter', 'session-affinity-scorer']);

function definitionOf<K extends PluginKind>(type: string, role: K): PluginDefinition<K> {
  const definition = PLUGINS.find((each) => each.type === type);
  if (definition === undefined) throw new Error(`no plugin is of type ${type}`);
  return inRole(definition, role);
}

describe('a scorer gives what the contract computes', () => {
  it.each(SCORER_CASES)('$row: $what', ({ row, parameters, facts, said, before, expected }) => {
    const { plugin, pool, request } = staged(definitionOf(row, 'scorer'), parameters, facts, said);
    before?.(plugin, request);
    const out = new Float64Array(facts.length).fill(-7);
    plugin.score(request, pool.all, out);
    expect(out).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(out[i], `candidate ${i}`).toBeCloseTo(value, 12);
  });
});

describe('a filter keeps whom the contract keeps', () => {
  it.each(FILTER_CASES)('$row: $what', ({ row, parameters, facts, said, expected }) => {
    const { plugin, pool, request } = staged(definitionOf(row, 'filter'), parameters, facts, said);
    expect(keptBy(plugin, request, pool.all)).toEqual(expected);
  });
});

describe('the tables', () => {
  const sizes = (cases: readonly { row: string; facts: readonly unknown[] }[], row: string): number[] =>
    cases.filter((each) => each.row === row).map(({ facts }) => facts.length);

  it.each(['scorer', 'filter'] as const)('have 0, 1, a few and 1,000 candidates for every %s', (role) => {
    const cases = role === 'scorer' ? SCORER_CASES : FILTER_CASES;
    const types = PLUGINS.filter((each) => hasRole(each, role) && !ELSEWHERE.has(each.type)).map(({ type }) => type);
    expect(types.length).toBeGreaterThan(0);
    for (const type of types) {
      expect(sizes(cases, type), type).toEqual(expect.arrayContaining([0, 1, 1000]));
      expect(
        sizes(cases, type).some((size) => size > 1 && size < 1000),
        type,
      ).toBe(true);
    }
  });
});
