import { describe, expect, it } from 'vitest';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { sessionAffinityScorer } from './session-affinity.ts';

const TOKEN = Buffer.from('default/vllm-2').toString('base64');
const withHeader = (name: string, value: string) =>
  inferenceRequest({ headers: { get: (asked) => (asked === name ? value : undefined) } });

/** Contract 3.4, session-affinity-scorer: 1 for the session's endpoint, else 0. */
describe('session-affinity-scorer', () => {
  it.each([
    [0, []],
    [1, [0]],
    [3, [0, 0, 1]],
    [4, [0, 0, 1, 0]],
  ])('scores %i candidates %j', (size, expected) => {
    const endpoints = idlePool(size);
    const scorer = create(sessionAffinityScorer, {}, pluginContext({ endpoints }));
    const out = new Float64Array(size + 1).fill(-7);
    scorer.score(withHeader('x-session-token', TOKEN), endpoints.all, out);
    expect([...out]).toEqual([...expected, -7]);
  });

  it('finds one of 1,000', () => {
    const endpoints = idlePool(1000);
    const scorer = create(sessionAffinityScorer, {}, pluginContext({ endpoints }));
    const out = new Float64Array(1000);
    const token = Buffer.from('default/vllm-999').toString('base64');
    scorer.score(withHeader('x-session-token', token), endpoints.all, out);
    expect([out.indexOf(1), out.reduce((sum, score) => sum + score)]).toEqual([999, 1]);
  });

  it('scores everybody 0 who has no session or an unbound one', () => {
    for (const parameters of [{}, { strategy: 'session_id' }]) {
      const endpoints = idlePool(3);
      const scorer = create(sessionAffinityScorer, parameters, pluginContext({ endpoints }));
      for (const request of [inferenceRequest(), withHeader('x-session-id', 'new')]) {
        const out = new Float64Array(3).fill(-7);
        scorer.score(request, endpoints.all, out);
        expect([...out]).toEqual([0, 0, 0]);
      }
    }
  });

  it('binds what is picked', () => {
    const endpoints = idlePool(3);
    const scorer = create(sessionAffinityScorer, { strategy: 'session_id' }, pluginContext({ endpoints }));
    const request = withHeader('x-session-id', 'mine');
    scorer.onPicked?.(request, { primary: 'p', picks: new Map([['p', Uint32Array.of(1, 0)]]) }, NO_EDITS);
    const out = new Float64Array(3);
    scorer.score(withHeader('x-session-id', 'mine'), endpoints.all, out);
    expect([...out]).toEqual([0, 1, 0]);
  });
});
