import { describe, expect, it } from 'vitest';
import { idlePool } from '../../../test/kit/pool.ts';
import { complaint, create, inferenceRequest, keptBy, pluginContext } from '../../../test/kit/plugins.ts';
import { labelSelectorFilter } from './label-selector.ts';

const NAME = 'must be a label name: [prefix/]name, the name at most 63 of A-Z a-z 0-9 - _ .';
const VALUE = 'must be a label value: at most 63 of A-Z a-z 0-9 - _ .';
const expression = (changes: object) => ({
  matchExpressions: [{ key: 'a', operator: 'In', values: ['x'], ...changes }],
});

describe('label-selector-filter', () => {
  it.each([
    [{}, undefined],
    [{ matchLabels: { 'llm-d.ai/role': 'decode', a: '' } }, undefined],
    [{ matchLabels: { [`${'p'.repeat(253)}/${'n'.repeat(63)}`]: 'v'.repeat(63) } }, undefined],
    [{ matchLabels: { [`${'p'.repeat(254)}/n`]: 'v' } }, NAME],
    [{ matchLabels: { ['n'.repeat(64)]: 'v' } }, NAME],
    [{ matchLabels: { '/n': 'v' } }, NAME],
    [{ matchLabels: { 'a/b/c': 'v' } }, NAME],
    [{ matchLabels: { 'Upper.Case/n': 'v' } }, NAME],
    [{ matchLabels: { '-n': 'v' } }, NAME],
    [{ matchLabels: { a: 'v'.repeat(64) } }, VALUE],
    [{ matchLabels: { a: 'two words' } }, VALUE],
    [expression({}), undefined],
    [expression({ key: '' }), NAME],
    [expression({ operator: 'in' }), 'must be one of In, NotIn, Exists, DoesNotExist'],
    [expression({ operator: 'Gt' }), 'must be one of In, NotIn, Exists, DoesNotExist'],
    [expression({ values: [] }), 'must list values'],
    [expression({ operator: 'NotIn', values: undefined }), 'must list values'],
    [expression({ operator: 'Exists' }), 'must be empty: Exists and DoesNotExist compare no values'],
    [expression({ operator: 'DoesNotExist', values: [] }), undefined],
    [expression({ values: ['a b'] }), VALUE],
  ])('checks %j', (parameters, message) => {
    expect(complaint(labelSelectorFilter, parameters)).toBe(message);
  });

  it('does not take what every object has for labels', () => {
    const pool = idlePool(2);
    const select = (operator: string): number => {
      const parameters = { matchExpressions: [{ key: 'constructor', operator }] };
      const filter = create(labelSelectorFilter, parameters, pluginContext({ endpoints: pool }));
      return keptBy(filter, inferenceRequest(), pool.all).length;
    };
    expect(select('Exists')).toBe(0);
    expect(select('DoesNotExist')).toBe(2);
  });
});
