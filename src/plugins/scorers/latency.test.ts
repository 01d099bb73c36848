import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { endpointAt, idlePool, scraped } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { latencyScorer } from './latency.ts';

describe('latency-scorer', () => {
  it('takes unknown caches and queues for half full', () => {
    const endpoints = idlePool(3);
    scraped(endpoints, 0, { kvUsage: Number.NaN, waiting: 4 });
    scraped(endpoints, 1, { kvUsage: 1, waiting: Number.NaN });
    scraped(endpoints, 2, { kvUsage: 0, waiting: 0 });
    const scorer = create(latencyScorer, {}, pluginContext({ endpoints }));
    // (0.5 + 0) / 3, (0 + 0.5) / 3, (1 + 1) / 3
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([0.17, 0.17, 0.67]);
    expect(scoresOf(scorer, inferenceRequest(), Uint32Array.of(1))).toEqual([0.17]);
  });

  it('sees a burst that no scrape has shown yet', () => {
    const endpoints = idlePool(2);
    for (let i = 0; i < 8; i++) endpoints.books.reserve(endpointAt(endpoints, 0));
    const scorer = create(latencyScorer, {}, pluginContext({ endpoints }));
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([0.33, 0.67]);
  });

  it('asks for prefix matches and for no predictions, and says so', () => {
    expect(consumedBy(latencyScorer)).toEqual(['PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer']);
    expect(consumedBy(latencyScorer, { prefixMatchInfoProducerName: 'p' })).toEqual(['PrefixCacheMatchInfoDataKey/p']);
    expect(latencyScorer.warnings?.(v.parse(latencyScorer.config, {}))).toEqual([
      {
        at: [],
        message: 'predicted-latency-producer is not supported yet: scores by KV cache, queue and prefix instead',
      },
    ]);
  });

  it.each([
    [{ latencyPredictionInfoProducerName: '' }, undefined],
    [{ latencyPredictionInfoProducerName: 'mine' }, 'must be empty: predicted-latency-producer is not supported yet'],
    [{ headroomSelectionStrategy: 'most' }, undefined],
    [{ headroomSelectionStrategy: 'all' }, 'must be least or most'],
    [{ ttftWeight: -0.1 }, 'must not be negative'],
    [{ tpotWeight: 0 }, undefined],
    [{ compositeKVWeight: -1 }, 'must not be negative'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(latencyScorer, parameters)).toBe(message);
  });
});
