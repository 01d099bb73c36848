import { describe, expect, it } from 'vitest';
import { idlePool, scraped } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, inferenceRequest, keptBy, pluginContext } from '../../../test/kit/plugins.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { utilizationFilter } from './utilization.ts';

const one = (metric: string, maxValue: unknown = 1) => ({ conditions: [{ metric, maxValue }] });

describe('utilization-filter', () => {
  it('does not hold against an endpoint what nobody knows', () => {
    const endpoints = idlePool(2);
    scraped(endpoints, 0, { waiting: Number.NaN });
    scraped(endpoints, 1, { waiting: 2 });
    const filter = create(utilizationFilter, one('waiting-queue'), pluginContext({ endpoints }));
    expect(keptBy(filter, inferenceRequest(), endpoints.all)).toEqual([0]);
  });

  it('needs what is in flight only where it looks at it', () => {
    expect(consumedBy(utilizationFilter, one('active-requests'))).toEqual([
      'InFlightLoadDataKey/inflight-load-producer',
    ]);
    expect(consumedBy(utilizationFilter, { ...one('active-requests'), inFlightLoadProducerName: 'mine' })).toEqual([
      'InFlightLoadDataKey/mine',
    ]);
    expect(consumedBy(utilizationFilter, one('waiting-queue'))).toEqual([]);
    // An empty board shares nothing, and nobody asks it to.
    expect(() => create(utilizationFilter, one('waiting-queue'), pluginContext({}, new DataBoard()))).not.toThrow();
  });

  it.each([
    [{}, 'Invalid key: Expected "conditions" but received undefined'],
    [{ conditions: [] }, 'must list a condition'],
    [one('gpu'), 'must be one of active-requests, running-requests, waiting-queue, kv-cache-utilization'],
    [{ conditions: [{ metric: 'waiting-queue' }] }, 'Invalid key: Expected "maxValue" but received undefined'],
    [one('waiting-queue', -1), 'must not be negative'],
    [one('waiting-queue', 0), undefined],
    [one('running-requests', 1000), undefined],
    [one('kv-cache-utilization', 1), undefined],
    [one('kv-cache-utilization', 1.01), 'must be at most 1 for kv-cache-utilization, which is a share'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(utilizationFilter, parameters)).toBe(message);
  });
});
