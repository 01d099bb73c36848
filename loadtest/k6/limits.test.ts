import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inForce, type Limit, LIMITS, THERE, thresholdsOf } from './limits.ts';

const limit = (changes: Partial<Limit>): Limit => ({
  title: 't',
  metric: 'm',
  stat: 'max',
  condition: '<=',
  bound: 2,
  unit: '',
  ...changes,
});

it('a limit is in force when what it needs is there and the run is long enough', () => {
  expect(inForce(limit({}), true)).toBe(true);
  expect(inForce(limit({ longOnly: true }), true)).toBe(false);
  expect(inForce(limit({ longOnly: true }), false)).toBe(true);
  expect(inForce(limit({ needs: 'passive health' }), false)).toBe(THERE['passive health']);
});

it('becomes a threshold of k6, several on one metric', () => {
  const limits = [limit({}), limit({ stat: 'p(95)', bound: 1 }), limit({ metric: 'n', longOnly: true })];
  expect(thresholdsOf(limits, true)).toEqual({ m: ['max<=2', 'p(95)<=1'] });
  expect(thresholdsOf(limits, false)).toEqual({ m: ['max<=2', 'p(95)<=1'], n: ['max<=2'] });
});

it('may be wider in the short form', () => {
  const limits = [limit({ shortBound: 9 })];
  expect([thresholdsOf(limits, true), thresholdsOf(limits, false)]).toEqual([{ m: ['max<=9'] }, { m: ['max<=2'] }]);
});

it.each([
  ['gateway', ['gateway', 'ramp', 'soak']],
  ['extproc', ['extproc']],
  ['failover', ['failover']],
  ['burst', ['burst', 'burst control']],
] as const)('%s feeds every metric its limits are on', (script, sets) => {
  const text = readFileSync(join(import.meta.dirname, '..', `${script}.ts`), 'utf8');
  const ofK6 = new Set(['checks', 'dropped_iterations']);
  const names = new Set(
    [...text.matchAll(/new (?:Counter|Gauge|Trend|Rate)\((['`])(.+?)\1/g)].map(([, , name]) => name),
  );
  for (const { metric } of sets.flatMap((set) => LIMITS[set])) {
    // failover names its metrics after the fault: `${fault}_failed`.
    const general = metric.replace(/^(kill|hang|errors)_/, '${fault}_');
    expect(ofK6.has(metric) || names.has(general), metric).toBe(true);
  }
});
