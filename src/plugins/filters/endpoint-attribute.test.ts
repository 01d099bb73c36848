import { describe, expect, it } from 'vitest';
import { complaint, configOf, create, inferenceRequest, keptBy, pluginContext } from '../../../test/kit/plugins.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { keyText } from '../../core/data.ts';
import { endpointAttributeFilter } from './endpoint-attribute.ts';

const below = (value: unknown, more: object = {}) => ({
  attribute: 'depth',
  algorithm: { type: 'threshold', threshold: { operator: 'LessThan', value } },
  ...more,
});

describe('endpoint-attribute-filter', () => {
  it.each([
    [{}, 'core-metrics-extractor', [0]],
    [{ producer: 'dcgm-extractor' }, 'dcgm-extractor', [0]],
    [{ producer: '' }, 'dcgm-extractor', [0]],
    [{}, 'dcgm-extractor', [0, 1]],
    [{ onMissing: 'Fail' }, 'dcgm-extractor', []],
    [{ onMissing: 'Fail', fallbackOnEmpty: true }, 'dcgm-extractor', [0, 1]],
  ])('with %j, and depth provided by %s, keeps %j', (more, provided, expected) => {
    const pool = idlePool(2);
    new Float64Array(pool.attributes.hold('depth', provided)).set([1, 2]);
    const filter = create(endpointAttributeFilter, below(2, more), pluginContext({ endpoints: pool }));
    expect(keptBy(filter, inferenceRequest(), pool.all)).toEqual(expected);
  });

  it('says what it judges by', () => {
    const reads = (more?: object): string[] =>
      (endpointAttributeFilter.reads?.(configOf(endpointAttributeFilter, below(1, more))) ?? []).map(keyText);
    expect([reads(), reads({ producer: 'x' }), reads({ producer: '' })]).toEqual([
      ['depth/core-metrics-extractor'],
      ['depth/x'],
      ['depth/'],
    ]);
  });

  it.each([
    [below(1), undefined],
    [below(1, { attribute: '' }), 'must not be empty'],
    [below(1, { attribute: 'a/b' }), 'must not contain "/" unless producer is given'],
    [below(1, { attribute: 'a/b', producer: 'a' }), undefined],
    [below(1, { attribute: 'a/b', producer: '' }), undefined],
    [below(1, { onMissing: 'Pass' }), undefined],
    [below(1, { onMissing: 'pass' }), 'must be Pass or Fail'],
    [below(Number.POSITIVE_INFINITY), 'must be finite'],
    [below('1'), 'Invalid type: Expected number but received "1"'],
    [
      { attribute: 'a', algorithm: { type: 'threshold', threshold: { operator: 'Equal' } } },
      'Invalid key: Expected "value" but received undefined',
    ],
    [{ attribute: 'a' }, 'Invalid key: Expected "algorithm" but received undefined'],
    [{ attribute: 'a', algorithm: { type: 'topK' } }, 'must be threshold'],
    [{ attribute: 'a', algorithm: { type: 'threshold' } }, 'Invalid key: Expected "threshold" but received undefined'],
    [
      { attribute: 'a', algorithm: { type: 'threshold', threshold: { operator: 'lt', value: 1 } } },
      'must be one of LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual, Equal, NotEqual',
    ],
  ])('checks %j', (parameters, message) => {
    expect(complaint(endpointAttributeFilter, parameters)).toBe(message);
  });
});
