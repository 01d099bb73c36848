import { describe, expect, it } from 'vitest';
import { idlePool } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, pluginContext } from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { concurrencyDetector } from './concurrency-detector.ts';

function saturation(parameters: object, requests: readonly number[], tokens: readonly number[] = []): number {
  const endpoints = idlePool(requests.length);
  const { board, load } = stock();
  load.requestsBySlot.set(requests);
  load.tokensBySlot.set(tokens);
  return create(concurrencyDetector, parameters, pluginContext({ endpoints }, board)).saturation(endpoints.all);
}

const tokens = { concurrencyMode: 'tokens', maxTokenConcurrency: 1000 };
const hybrid = { concurrencyMode: 'hybrid', maxTokenConcurrency: 1000 };

// Contract 3.9, concurrency-detector.
describe('concurrency-detector', () => {
  it.each([
    [{}, [0, 0], [], 0],
    [{}, [50, 100], [1e9, 1e9], 0.75],
    [{}, [100, 100], [], 1],
    [{ maxConcurrency: 132 }, [131, 133, 132], [], 1],
    [{ maxConcurrency: 10 }, [25, 0], [], 1.25],
    [{ maxConcurrency: 10, headroom: 9 }, [10], [], 1],
    [tokens, [500, 500], [500, 0], 0.25],
    [hybrid, [50, 90], [800, 100], 0.85],
    [hybrid, [200, 0], [0, 0], 1],
    [{}, [], [], 1],
    [tokens, [], [], 1],
    [hybrid, [], [], 1],
  ])('with %j takes %j requests and %j tokens in flight for %d', (parameters, requests, inFlight, expected) => {
    expect(saturation(parameters, requests, inFlight)).toBeCloseTo(expected, 12);
  });

  it('is full at exactly its limit, however the load is spread', () => {
    const requests = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 99 : 101));
    expect(saturation({}, requests)).toBe(1);
    requests[0]--;
    expect(saturation({}, requests)).toBeLessThan(1);
  });

  it('listens to the producer it is told to', () => {
    expect(consumedBy(concurrencyDetector)).toEqual(['InFlightLoadDataKey/inflight-load-producer']);
    expect(consumedBy(concurrencyDetector, { inFlightLoadProducerName: 'mine' })).toEqual(['InFlightLoadDataKey/mine']);
  });

  it.each([
    [{ maxConcurrency: 0 }, 'must be at least 1'],
    [{ maxConcurrency: 1 }, undefined],
    [{ maxConcurrency: 1.5 }, 'Invalid integer: Received 1.5'],
    [{ maxTokenConcurrency: 0 }, 'must be at least 1'],
    [{ headroom: -0.1 }, 'must not be negative'],
    [{ headroom: 0 }, undefined],
    [{ concurrencyMode: 'both' }, 'must be one of requests, tokens, hybrid'],
    [{ concurrencyMode: 'hybrid' }, undefined],
  ])('checks %j', (parameters, message) => {
    expect(complaint(concurrencyDetector, parameters)).toBe(message);
  });
});
