import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { METRICS_TRUST, resolveTrust } from './metrics-trust.ts';

describe('the metricsTrust section', () => {
  it.each([
    [undefined, { enabled: true, frozenAfterMs: 5000 }],
    [{}, { enabled: true, frozenAfterMs: 5000 }],
    [
      { enabled: false, frozenAfter: '1m' },
      { enabled: false, frozenAfterMs: 60_000 },
    ],
  ])('%j is %j', (given, expected) => {
    expect(resolveTrust(given && v.parse(METRICS_TRUST, given))).toEqual(expected);
  });

  it.each([
    ['0s', 'must be longer than 0'],
    ['-1s', 'must be longer than 0'],
  ])('has no frozenAfter of %s', (frozenAfter, message) => {
    expect(v.safeParse(METRICS_TRUST, { frozenAfter }).issues?.map((issue) => issue.message)).toEqual([message]);
  });
});
