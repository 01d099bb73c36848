import { describe, expect, it } from 'vitest';
import { idlePool } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { tokenLoadScorer } from './token-load.ts';

describe('token-load-scorer', () => {
  it('goes by what is in flight alone when nobody counted the request', () => {
    const endpoints = idlePool(2);
    const { board, load, tell } = stock();
    load.tokensBySlot.set([250, 500]);
    const scorer = create(tokenLoadScorer, { queueThresholdTokens: 1000 }, pluginContext({ endpoints }, board));
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([0.75, 0.5]);
    const counted = tell(inferenceRequest(), { uncached: [250, 0] });
    expect(scoresOf(scorer, counted, endpoints.all)).toEqual([0.5, 0.5]);
  });

  it('needs both data of one producer, so that the default one is created', () => {
    expect(consumedBy(tokenLoadScorer)).toEqual([
      'InFlightLoadDataKey/inflight-load-producer',
      'UncachedRequestTokensDataKey/inflight-load-producer',
    ]);
    expect(consumedBy(tokenLoadScorer, { inFlightLoadProducerName: 'mine' })).toEqual([
      'InFlightLoadDataKey/mine',
      'UncachedRequestTokensDataKey/mine',
    ]);
  });

  it.each([
    [{ queueThresholdTokens: -1 }, undefined],
    [{ queueThresholdTokens: 1 }, undefined],
    [{ queueThresholdTokens: '1k' }, 'Invalid type: Expected number but received "1k"'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(tokenLoadScorer, parameters)).toBe(message);
  });
});
