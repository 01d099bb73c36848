import { describe, expect, it } from 'vitest';
import { endpointAt, idlePool, scraped } from '../../../test/kit/pool.ts';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import type { PluginDefinition } from '../../core/plugin.ts';
import { kvCacheUtilizationScorer } from './kv-cache-utilization.ts';
import { queueScorer } from './queue.ts';
import { runningRequestsSizeScorer } from './running-requests-size.ts';

const scoresOf = (
  definition: PluginDefinition<'scorer'>,
  signals: readonly object[],
  prepare: (endpoints: ReturnType<typeof idlePool>) => void = () => {},
): number[] => {
  const endpoints = idlePool(signals.length);
  for (const [slot, values] of signals.entries()) scraped(endpoints, slot, values);
  prepare(endpoints);
  const out = new Float64Array(signals.length);
  create(definition, {}, pluginContext({ endpoints })).score(inferenceRequest(), endpoints.all, out);
  return [...out];
};

describe('queue-scorer', () => {
  it.each([
    [
      [3, 0, 10],
      [0.7, 1, 0],
    ],
    [
      [0, 0, 0],
      [1, 1, 1],
    ],
    [
      [5, 5],
      [1, 1],
    ],
    [[4], [1]],
    [
      [0, Number.NaN, 10],
      [1, 0.5, 0],
    ],
    [
      [Number.NaN, Number.NaN],
      [0.5, 0.5],
    ],
    [
      [2, Number.NaN],
      [1, 0.5],
    ],
  ])('scores queues of %j as %j', (queues, expected) => {
    expect(
      scoresOf(
        queueScorer,
        queues.map((waiting) => ({ waiting })),
      ),
    ).toEqual(expected);
  });

  it('sees a burst that no scrape has shown yet', () => {
    const scores = scoresOf(queueScorer, [{}, {}], (endpoints) => {
      for (let i = 0; i < 5; i++) endpoints.books.reserve(endpointAt(endpoints, 0));
    });
    expect(scores).toEqual([0, 1]);
  });
});

describe('running-requests-size-scorer', () => {
  it.each([
    [
      [3, 0, 10],
      [0.7, 1, 0],
    ],
    [
      [7, 7],
      [1, 1],
    ],
    [
      [8, Number.NaN],
      [1, 0.5],
    ],
  ])('scores batches of %j as %j', (batches, expected) => {
    expect(
      scoresOf(
        runningRequestsSizeScorer,
        batches.map((running) => ({ running })),
      ),
    ).toEqual(expected);
  });

  it('counts a pick at once', () => {
    const scores = scoresOf(runningRequestsSizeScorer, [{}, {}], (endpoints) => {
      endpoints.books.reserve(endpointAt(endpoints, 1));
    });
    expect(scores).toEqual([1, 0]);
  });
});

describe('kv-cache-utilization-scorer', () => {
  it.each([
    [0, 1],
    [1, 0],
    [0.25, 0.75],
    [Number.NaN, 0.5],
  ])('scores a use of %d as %d', (kvUsage, expected) => {
    expect(scoresOf(kvCacheUtilizationScorer, [{ kvUsage }])).toEqual([expected]);
  });
});
