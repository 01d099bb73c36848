import { describe, expect, it } from 'vitest';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import type { Candidates } from '../../core/endpoint.ts';
import type { InferenceRequest } from '../../core/request.ts';
import { sessionAffinityFilter } from './session-affinity.ts';

const withHeader = (name: string, value: string): InferenceRequest =>
  inferenceRequest({ headers: { get: (asked) => (asked === name ? value : undefined) } });
const withToken = (index: number): InferenceRequest =>
  withHeader('x-session-token', Buffer.from(`default/vllm-${index}`).toString('base64'));

function rig(size: number, parameters: object = {}) {
  const endpoints = idlePool(size);
  const plugin = create(sessionAffinityFilter, parameters, pluginContext({ endpoints }));
  const left = (request: InferenceRequest, candidates: Candidates = endpoints.all): Candidates =>
    plugin.filter(request, candidates);
  return { all: endpoints.all, plugin, left };
}

/** Contract 3.3, session-affinity-filter: the bound endpoint alone if it is a candidate, else all. */
describe('session-affinity-filter', () => {
  it.each([
    [0, 0, []],
    [1, 0, [0]],
    [3, 2, [2]],
    [3, 3, [0, 1, 2]],
    [1000, 999, [999]],
  ])('leaves of %i candidates, with a token of vllm-%i, %j', (size, index, expected) => {
    expect([...rig(size).left(withToken(index))]).toEqual(expected);
  });

  it('returns the list it was given when nobody goes', () => {
    for (const [size, request] of [
      [3, inferenceRequest()],
      [3, withToken(7)],
      [1, withToken(0)],
    ] as const) {
      const { all, left } = rig(size);
      expect(left(request)).toBe(all);
    }
  });

  it('does not touch the list it was given', () => {
    const { all, left } = rig(3);
    const mine = left(withToken(1));
    mine[0] = 2;
    expect([...all]).toEqual([0, 1, 2]);
  });

  it('pins what was picked, and lets go when it is not there', () => {
    const { all, plugin, left } = rig(3, { strategy: 'session_id' });
    const mine = (): InferenceRequest => withHeader('x-session-id', 'mine');
    expect(left(mine())).toBe(all);
    plugin.onPicked?.(mine(), { primary: 'p', picks: new Map([['p', Uint32Array.of(1)]]) }, NO_EDITS);
    expect([...left(mine())]).toEqual([1]);
    const without = Uint32Array.of(0, 2);
    expect(left(mine(), without)).toBe(without);
  });
});
