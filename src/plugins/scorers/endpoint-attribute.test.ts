import { describe, expect, it } from 'vitest';
import { complaint, configOf, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { keyText } from '../../core/data.ts';
import { endpointAttributeScorer } from './endpoint-attribute.ts';

const LOWER = { type: 'linear_lower_is_better' };
const named = (producer?: string) => ({
  attributeKey: 'depth',
  algorithm: LOWER,
  ...(producer !== undefined && { producer }),
});
const normalized = (normalization: object) => ({ attributeKey: 'depth', algorithm: { ...LOWER, normalization } });

describe('endpoint-attribute-scorer', () => {
  it.each([
    [undefined, 'core-metrics-extractor', [1, 0]],
    ['dcgm-extractor', 'dcgm-extractor', [1, 0]],
    ['', 'dcgm-extractor', [1, 0]],
    [undefined, 'dcgm-extractor', [0.5, 0.5]],
  ])('asked for producer %j and given %j scores %j', (producer, provided, expected) => {
    const pool = idlePool(2);
    new Float64Array(pool.attributes.hold('depth', provided)).set([1, 2]);
    const scorer = create(endpointAttributeScorer, named(producer), pluginContext({ endpoints: pool }));
    expect(scoresOf(scorer, inferenceRequest(), pool.all)).toEqual(expected);
  });

  it('follows an attribute that comes and goes', () => {
    const pool = idlePool(2);
    const context = pluginContext({ endpoints: pool });
    const range = create(endpointAttributeScorer, normalized({ fixedRange: { max: 4 } }), context);
    const among = create(endpointAttributeScorer, named(), context);
    const scores = (): number[][] => [range, among].map((scorer) => scoresOf(scorer, inferenceRequest(), pool.all));
    const unknown = [
      [0.5, 0.5],
      [0.5, 0.5],
    ];
    expect(scores()).toEqual(unknown);
    new Float64Array(pool.attributes.hold('depth', 'core-metrics-extractor')).set([1, 2]);
    expect(scores()).toEqual([
      [0.75, 0.5],
      [1, 0],
    ]);
    pool.attributes.release('depth', 'core-metrics-extractor');
    expect(scores()).toEqual(unknown);
  });

  it('says what it judges by', () => {
    const reads = (producer?: string): string[] =>
      (endpointAttributeScorer.reads?.(configOf(endpointAttributeScorer, named(producer))) ?? []).map(keyText);
    expect([reads(), reads('x'), reads('')]).toEqual([['depth/core-metrics-extractor'], ['depth/x'], ['depth/']]);
  });

  it.each([
    [{ algorithm: LOWER }, 'Invalid key: Expected "attributeKey" but received undefined'],
    [{ attributeKey: '', algorithm: LOWER }, 'must not be empty'],
    [{ attributeKey: 'a/b', algorithm: LOWER }, 'must not contain "/" unless producer is given'],
    [{ attributeKey: 'a/b', producer: '', algorithm: LOWER }, undefined],
    [{ attributeKey: 'a' }, 'Invalid key: Expected "algorithm" but received undefined'],
    [{ attributeKey: 'a', algorithm: { type: 'x' } }, 'must be linear_lower_is_better or linear_higher_is_better'],
    [normalized({}), undefined],
    [normalized({ adaptiveRange: {} }), undefined],
    [
      normalized({ adaptiveRange: {}, fixedRange: { max: 1 } }),
      'must have at most one of fixedRange and adaptiveRange',
    ],
    [normalized({ fixedRange: { min: 1, max: 1 } }), 'must have a min that is less than max'],
    [normalized({ fixedRange: { min: 1, max: 1.01 } }), undefined],
    [normalized({ fixedRange: {} }), 'must have a min that is less than max'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(endpointAttributeScorer, parameters)).toBe(message);
  });
});
