import { describe, expect, it } from 'vitest';
import { headersOf } from '../../../test/kit/headers.ts';
import { endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { complaint, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { headerLabelAffinityScorer } from './header-label-affinity.ts';

const PARAMETERS = { headerName: 'X-Tier', labelKey: 'tier' };

describe('header-label-affinity-scorer', () => {
  it('follows an endpoint whose label changes, which makes it another tenant', () => {
    const pool = idlePool(1, () => ({ labels: { tier: 'gold' } }));
    const scorer = create(headerLabelAffinityScorer, PARAMETERS, pluginContext({ endpoints: pool }));
    pool.listen({ added() {}, removed: ({ slot }) => scorer.onEndpointRemoved?.(slot) });
    const score = (tier: string): number[] =>
      scoresOf(scorer, inferenceRequest({ headers: headersOf({ 'x-tier': tier }) }), pool.all);
    expect([score('gold'), score('tin')]).toEqual([[1], [0]]);
    pool.replace([endpointSpec(0, { labels: { tier: 'tin' } })]);
    expect([score('gold'), score('tin')]).toEqual([[0], [1]]);
  });

  it('does not take what every object has for a label', () => {
    const pool = idlePool(1);
    const parameters = { ...PARAMETERS, labelKey: 'constructor' };
    const scorer = create(headerLabelAffinityScorer, parameters, pluginContext({ endpoints: pool }));
    const headers = headersOf({ 'x-tier': String(Object) });
    expect(scoresOf(scorer, inferenceRequest({ headers }), pool.all)).toEqual([0]);
  });

  it.each([
    [{}, 'Invalid key: Expected "headerName" but received undefined'],
    [{ ...PARAMETERS, headerName: '' }, 'must not be empty'],
    [{ ...PARAMETERS, labelKey: '' }, 'must not be empty'],
    [PARAMETERS, undefined],
  ])('checks %j', (parameters, message) => {
    expect(complaint(headerLabelAffinityScorer, parameters)).toBe(message);
  });
});
