import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { dataKey, PREFIX_MATCH, type PrefixMatch } from '../../core/data.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { prefixCacheScorer } from './prefix-cache.ts';

/** Scores of slots 0, 1, ... for a match published by `producer`. */
function scoresOf(
  parameters: object,
  match: Partial<PrefixMatch> | undefined,
  slots: readonly number[] = [0],
  producer?: string,
): number[] {
  const board = new DataBoard();
  const scorer = create(prefixCacheScorer, parameters, pluginContext({}, board));
  const request = inferenceRequest();
  if (match !== undefined) {
    const whole = { blocksBySlot: Uint32Array.of(0), totalBlocks: 10, blockTokens: 64, ...match };
    board.writer(dataKey(PREFIX_MATCH, producer))(request, whole);
  }
  const out = new Float64Array(slots.length).fill(-7);
  scorer.score(request, Uint32Array.from(slots), out);
  return [...out];
}

describe('prefix-cache-scorer', () => {
  it('scores the matched share of the prompt', () => {
    const match = { blocksBySlot: Uint32Array.of(0, 5, 10, 1), totalBlocks: 10 };
    expect(scoresOf({}, match, [3, 2, 1, 0])).toEqual([0.1, 1, 0.5, 0]);
  });

  it.each([
    // 64 tokens a block: the scale of 640 tokens is reached with the whole prompt.
    [0, { matchLengthWeight: 1, matchLengthScaleTokens: 640 }, 0],
    [5, { matchLengthWeight: 1, matchLengthScaleTokens: 640 }, 0.25],
    [10, { matchLengthWeight: 1, matchLengthScaleTokens: 640 }, 1],
    [10, { matchLengthWeight: 1, matchLengthScaleTokens: 320 }, 1],
    [5, { matchLengthWeight: 0.5, matchLengthScaleTokens: 640 }, 0.375],
    [10, { matchLengthWeight: 1 }, (640 / 8192) ** 2],
    [5, { matchLengthWeight: 0.25, matchLengthScaleTokens: 320 }, 0.625],
    [5, { matchLengthWeight: 0, matchLengthScaleTokens: 0 }, 0.5],
  ])('scores %d of 10 blocks with %j as %d', (blocks, parameters, score) => {
    expect(scoresOf(parameters, { blocksBySlot: Uint32Array.of(blocks) })[0]).toBeCloseTo(score, 12);
  });

  it('scores 0 when nothing is known', () => {
    expect(scoresOf({ matchLengthWeight: 0.5 }, undefined, [0, 1])).toEqual([0, 0]);
    expect(scoresOf({}, { totalBlocks: 0 }, [0, 1])).toEqual([0, 0]);
    expect(scoresOf({ matchLengthWeight: 0.5 }, { blocksBySlot: Uint32Array.of(10) }, [0, 1])[1]).toBe(0);
  });

  it('listens to the producer it is told to, by default to the approximate one', () => {
    const match = { blocksBySlot: Uint32Array.of(10) };
    expect(scoresOf({}, match, [0], 'approx-prefix-cache-producer')).toEqual([1]);
    expect(scoresOf({ prefixMatchInfoProducerName: 'cpu' }, match, [0], 'cpu')).toEqual([1]);
    expect(scoresOf({ prefixMatchInfoProducerName: '' }, match, [0])).toEqual([1]);
    expect(scoresOf({ prefixMatchInfoProducerName: 'cpu' }, match, [0])).toEqual([0]);
    const keyOf = (parameters: object): unknown =>
      prefixCacheScorer.consumes?.(v.parse(prefixCacheScorer.config, parameters));
    expect(keyOf({})).toEqual([{ type: PREFIX_MATCH, producer: 'approx-prefix-cache-producer' }]);
    expect(keyOf({ prefixMatchInfoProducerName: 'cpu' })).toEqual([{ type: PREFIX_MATCH, producer: 'cpu' }]);
  });

  it.each([
    [{ matchLengthWeight: -0.01 }, 'must be between 0 and 1'],
    [{ matchLengthWeight: 1.01 }, 'must be between 0 and 1'],
    [{ matchLengthWeight: 0.1, matchLengthScaleTokens: 0 }, 'must be above 0 when matchLengthWeight is'],
  ])('refuses %j', (parameters, message) => {
    expect(v.safeParse(prefixCacheScorer.config, parameters).issues?.[0].message).toBe(message);
  });

  it.each([{ matchLengthWeight: 0 }, { matchLengthWeight: 1, matchLengthScaleTokens: 1 }])('takes %j', (parameters) => {
    expect(v.safeParse(prefixCacheScorer.config, parameters).success).toBe(true);
  });
});
