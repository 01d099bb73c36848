import { describe, expect, it } from 'vitest';
import { complaint, consumedBy, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { mmEmbeddingsCacheScorer } from './mm-embeddings-cache.ts';

describe('mm-embeddings-cache-scorer', () => {
  it('scores 0 without media, and where an endpoint came after the look-up', () => {
    const { board, tell } = stock();
    const scorer = create(mmEmbeddingsCacheScorer, {}, pluginContext({}, board));
    const media = { itemsBySlot: Uint32Array.of(2), totalItems: 2 };
    expect(scoresOf(scorer, tell(inferenceRequest(), { media }), Uint32Array.of(0, 3))).toEqual([1, 0]);
    const none = { itemsBySlot: Uint32Array.of(2), totalItems: 0 };
    expect(scoresOf(scorer, tell(inferenceRequest(), { media: none }), Uint32Array.of(0))).toEqual([0]);
  });

  it('listens to the producer it is told to', () => {
    expect(consumedBy(mmEmbeddingsCacheScorer)).toEqual([
      'MultiModalEncoderCacheMatchInfoKey/mm-embeddings-cache-producer',
    ]);
    expect(consumedBy(mmEmbeddingsCacheScorer, { producerName: 'mine' })).toEqual([
      'MultiModalEncoderCacheMatchInfoKey/mine',
    ]);
  });

  it('refuses a parameter of its producer', () => {
    expect(complaint(mmEmbeddingsCacheScorer, { cacheSizeInMBPerServer: 1 })).toBe(
      'Invalid key: Expected never but received "cacheSizeInMBPerServer"',
    );
  });
});
