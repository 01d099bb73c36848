import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { InferenceRequest } from '../../core/request.ts';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { noHitLruScorer } from './no-hit-lru.ts';

function rig(size: number, parameters: object = {}) {
  const { board, tell } = stock();
  const endpoints = idlePool(size);
  const scorer = create(noHitLruScorer, parameters, pluginContext({ endpoints }, board));
  const all = endpoints.all;
  const scores = (request = inferenceRequest(), candidates = all): number[] => scoresOf(scorer, request, candidates);
  const picked = (request: InferenceRequest, picks: Record<string, number>, primary = 'decode'): void => {
    const slots = Object.entries(picks).map(([profile, slot]) => [profile, Uint32Array.of(slot)] as const);
    scorer.onPicked?.(request, { primary, picks: new Map(slots) }, NO_EDITS);
  };
  /** A cold request that went to a slot. */
  const send = (slot: number): void => {
    const request = inferenceRequest();
    scores(request);
    picked(request, { decode: slot });
  };
  const warm = (...blocks: number[]): InferenceRequest =>
    tell(inferenceRequest(), { match: { blocksBySlot: Uint32Array.from(blocks) } });
  return { scorer, scores, picked, send, warm };
}

describe('no-hit-lru-scorer', () => {
  it('sends cold requests round all endpoints, oldest first', () => {
    const { scores, send } = rig(4);
    const order: number[] = [];
    for (let i = 0; i < 8; i++) {
      const values = scores();
      const best = values.indexOf(Math.max(...values));
      order.push(best);
      send(best);
    }
    expect(order).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  });

  it('counts the picks of the primary profile and of prefill, and of no other', () => {
    const { scores, picked } = rig(4);
    const request = inferenceRequest();
    scores(request);
    picked(request, { decode: 1, prefill: 0, encode: 2 });
    // Never used: 2 and 3; then 1, which was noted before 0.
    expect(scores()).toEqual([0, 1 / 3, 1, 2 / 3].map((score) => expect.closeTo(score, 12)));
  });

  it('does not count requests somebody had cached, were not scored, or were not scored last', () => {
    const { scores, picked, warm } = rig(2);
    const held = warm(0, 3);
    expect(scores(held)).toEqual([0.5, 0.5]);
    picked(held, { decode: 0 });
    picked(inferenceRequest(), { decode: 0 });
    const refused = inferenceRequest();
    scores(refused);
    const next = inferenceRequest();
    scores(next);
    picked(refused, { decode: 0 });
    expect(scores()).toEqual([1, 0]);
  });

  it('counts a request once, and not one that is warm for any of its profiles', () => {
    const { scores, picked, warm } = rig(2);
    const once = inferenceRequest();
    scores(once);
    picked(once, { decode: 0 });
    picked(once, { decode: 1 });
    expect(scores()).toEqual([0, 1]);
    const half = warm(3, 0);
    expect(scores(half, Uint32Array.of(0))).toEqual([0.5]);
    expect(scores(half, Uint32Array.of(1))).toEqual([1]);
    picked(half, { decode: 1 });
    expect(scores()).toEqual([0, 1]);
  });

  it('ranks the used ones among the candidates alone', () => {
    const { scores, send } = rig(4);
    for (const slot of [0, 1, 2, 3]) send(slot);
    expect(scores(undefined, Uint32Array.of(2, 3))).toEqual([1, 0]);
    expect(scores(undefined, Uint32Array.of(3, 0, 2))).toEqual([0, 1, 0.5]);
  });

  it('forgets an endpoint that left', () => {
    const { scorer, scores, send } = rig(2);
    send(0);
    expect(scores()).toEqual([0, 1]);
    scorer.onEndpointRemoved?.(0);
    expect(scores()).toEqual([1, 0]);
    scorer.onEndpointRemoved?.(1);
  });

  it('remembers as many endpoints as it is told to, and two instances each their own', () => {
    const small = rig(3, { lruSize: 1 });
    const other = rig(3);
    for (const slot of [0, 1]) small.send(slot);
    expect(small.scores()).toEqual([1, 0, 0.5]);
    expect(other.scores()).toEqual([1, 0.5, 0]);
  });

  it('needs prefix matches', () => {
    expect(consumedBy(noHitLruScorer)).toEqual(['PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer']);
    expect(consumedBy(noHitLruScorer, { prefixMatchInfoProducerName: 'p' })).toEqual(['PrefixCacheMatchInfoDataKey/p']);
  });

  it('says what has no effect', () => {
    const warnings = (parameters: object) => noHitLruScorer.warnings?.(v.parse(noHitLruScorer.config, parameters));
    expect(warnings({})).toEqual([]);
    expect(warnings({ prefixPluginName: 'x', prefixPluginType: 'y' })).toEqual([
      { at: ['prefixPluginType'], message: 'is deprecated and has no effect' },
      { at: ['prefixPluginName'], message: 'is deprecated and has no effect' },
    ]);
  });

  it.each([
    [{ lruSize: 0 }, undefined],
    [{ lruSize: 1 }, undefined],
    [{ lruSize: 1.5 }, 'Invalid integer: Received 1.5'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(noHitLruScorer, parameters)).toBe(message);
  });
});
