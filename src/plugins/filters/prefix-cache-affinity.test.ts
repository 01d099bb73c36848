import { describe, expect, it } from 'vitest';
import type { Random } from '../../core/random.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, inferenceRequest, keptBy, pluginContext } from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { prefixCacheAffinityFilter } from './prefix-cache-affinity.ts';

const draws = (...values: number[]): Random => ({ next: () => values.shift() ?? Number.NaN, below: () => 0 });

function rig(parameters: object, random: Random = draws(), blocks: readonly number[] = [10, 0]) {
  const endpoints = idlePool(2);
  const { board, load, tell } = stock();
  const filter = create(prefixCacheAffinityFilter, parameters, pluginContext({ endpoints, random }, board));
  const request = tell(inferenceRequest(), { match: { blocksBySlot: Uint32Array.from(blocks), totalBlocks: 10 } });
  return { load, kept: () => keptBy(filter, request, endpoints.all) };
}

describe('prefix-cache-affinity-filter', () => {
  it('lets a share of requests go where they want', () => {
    const { kept } = rig({ explorationProbability: 0.25 }, draws(0.2499, 0.25));
    expect(kept()).toEqual([0, 1]);
    expect(kept()).toEqual([0]);
  });

  it('asks for chance only where it matters', () => {
    const next = (): never => {
      throw new Error('nothing is left to chance');
    };
    expect(rig({}, { next, below: next }).kept()).toEqual([0]);
  });

  it('measures how busy holders are anew for every request', () => {
    const { load, kept } = rig({ maxTTFTPenaltyMs: 1000, peakPrefillThroughput: 100 });
    expect(kept()).toEqual([0]);
    load.tokensBySlot[0] = 101;
    expect(kept()).toEqual([0, 1]);
    load.tokensBySlot[1] = 1;
    expect(kept()).toEqual([0]);
  });

  it('takes an endpoint that came after the look-up for one that holds nothing', () => {
    expect(rig({}, draws(), [10]).kept()).toEqual([0]);
  });

  it('needs prefix matches, and tokens in flight where a penalty can be paid', () => {
    expect(consumedBy(prefixCacheAffinityFilter)).toEqual([
      'PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer',
      'InFlightLoadDataKey/inflight-load-producer',
    ]);
    expect(consumedBy(prefixCacheAffinityFilter, { maxTTFTPenaltyMs: 0, prefixMatchInfoProducerName: 'p' })).toEqual([
      'PrefixCacheMatchInfoDataKey/p',
    ]);
    expect(consumedBy(prefixCacheAffinityFilter, { inFlightLoadProducerName: 'l' })[1]).toBe('InFlightLoadDataKey/l');
  });

  it.each([
    [{ affinityThreshold: 1 }, undefined],
    [{ affinityThreshold: 1.01 }, 'must be at most 1'],
    [{ affinityThreshold: -1 }, undefined],
    [{ explorationProbability: 1 }, undefined],
    [{ explorationProbability: 1.01 }, 'must be between 0 and 1'],
    [{ explorationProbability: -0.01 }, 'must be between 0 and 1'],
    [{ maxTTFTPenaltyMs: -1 }, 'must not be negative'],
    [{ peakPrefillThroughput: -1 }, 'must not be negative'],
    [{ peakPrefillThroughput: 0 }, 'must be above 0 when maxTTFTPenaltyMs is'],
    [{ peakPrefillThroughput: 0, maxTTFTPenaltyMs: 0 }, undefined],
    [{ ttftSource: 'prefillThroughput', latencyPredictionInfoProducerName: 'p' }, undefined],
    [{ ttftSource: 'guess' }, 'must be prefillThroughput or latencyPredictor'],
    [
      { ttftSource: 'latencyPredictor' },
      'must be prefillThroughput: latencyPredictor needs predicted-latency-producer, which is not supported yet',
    ],
  ])('checks %j', (parameters, message) => {
    expect(complaint(prefixCacheAffinityFilter, parameters)).toBe(message);
  });
});
