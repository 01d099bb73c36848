import { describe, expect, it } from 'vitest';
import { endpointAt, idlePool, scraped } from '../../../test/kit/pool.ts';
import { complaint, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { loadAwareScorer } from './load-aware.ts';

describe('load-aware-scorer', () => {
  it('gives an unknown queue the middle of its range', () => {
    const endpoints = idlePool(2);
    scraped(endpoints, 0, { waiting: Number.NaN });
    const scorer = create(loadAwareScorer, {}, pluginContext({ endpoints }));
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([0.25, 0.5]);
  });

  it('sees a burst that no scrape has shown yet', () => {
    const endpoints = idlePool(2);
    scraped(endpoints, 0, { waiting: 1 });
    for (let i = 0; i < 31; i++) endpoints.books.reserve(endpointAt(endpoints, 0));
    const scorer = create(loadAwareScorer, {}, pluginContext({ endpoints }));
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([0.375, 0.5]);
  });

  it.each([
    [{ threshold: -5 }, undefined],
    [{ threshold: 1 }, undefined],
    [{ threshold: 1.5 }, 'Invalid integer: Received 1.5'],
    [{ treshold: 1 }, 'Invalid key: Expected never but received "treshold"'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(loadAwareScorer, parameters)).toBe(message);
  });
});
