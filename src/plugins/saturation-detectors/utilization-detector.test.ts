import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../../test/kit/clock.ts';
import { create, inferenceRequest, inRole, keptBy, pluginContext } from '../../../test/kit/plugins.ts';
import { idlePool, scraped } from '../../../test/kit/pool.ts';
import { utilizationDetector } from './utilization-detector.ts';

function rig(size: number, parameters: object = {}) {
  const pool = idlePool(size);
  const clock = manualClock();
  const context = pluginContext({ endpoints: pool, clock });
  const detector = create(utilizationDetector, parameters, context);
  const filter = create(inRole(utilizationDetector, 'filter'), parameters, context);
  const kept = (): number[] => keptBy(filter, inferenceRequest(), pool.all);
  return { pool, clock, saturation: () => detector.saturation(pool.all), kept };
}

describe('utilization-detector', () => {
  it.each([
    [0, 0, 0],
    [4, 0, 0.8],
    [5, 0, 1],
    [0, 0.4, 0.5],
    [0, 0.8, 1],
    [10, 0.4, 2],
    [1, 1, 1.25],
  ])('takes the fuller of %d waiting and %d of the cache', (waiting, kvUsage, expected) => {
    const { pool, saturation } = rig(1);
    scraped(pool, 0, { waiting, kvUsage });
    expect(saturation()).toBeCloseTo(expected, 12);
  });

  it('takes the mean over endpoints', () => {
    const { pool, saturation } = rig(2, { queueDepthThreshold: 10 });
    scraped(pool, 0, { waiting: 40 });
    expect(saturation()).toBe(2);
  });

  it('calls no endpoints full, and an endpoint full that was never scraped', () => {
    expect(rig(0).saturation()).toBe(1);
    const { pool, saturation } = rig(1);
    pool.signals.waiting[0] = Number.NaN;
    expect(saturation()).toBe(1);
    scraped(pool, 0, {});
    pool.signals.scrapedAtMs[0] = Number.NaN;
    expect(saturation()).toBe(1);
  });

  it('believes metrics of 200 ms and no older ones', () => {
    const { clock, saturation } = rig(1);
    clock.advance(200);
    expect(saturation()).toBe(0);
    clock.advance(1);
    expect(saturation()).toBe(1);
  });

  it('as a filter leaves out those it knows nothing recent about, unless that is everybody', () => {
    const { pool, clock, kept } = rig(3);
    pool.signals.waiting[1] = Number.NaN;
    expect(kept()).toEqual([0, 2]);
    clock.advance(200);
    expect(kept()).toEqual([0, 2]);
    clock.advance(1);
    expect(kept()).toEqual([0, 1, 2]);
    pool.signals.scrapedAtMs[2] = clock.nowMs();
    expect(kept()).toEqual([2]);
  });

  it.each([
    [{ queueDepthThreshold: 0 }, false],
    [{ queueDepthThreshold: 0.1 }, true],
    [{ kvCacheUtilThreshold: 0 }, false],
    [{ kvCacheUtilThreshold: 1 }, true],
    [{ kvCacheUtilThreshold: 1.01 }, false],
    [{ metricsStalenessThreshold: '0s' }, false],
    [{ metricsStalenessThreshold: '1s' }, true],
    [{ metricsStalenessThreshold: 'soon' }, false],
    [{ metricsStalenessThreshold: 1 }, false],
    [{ headroom: 0 }, true],
    [{ headroom: -0.1 }, false],
    [{ headrom: 1 }, false],
  ])('checks %j', (parameters, accepted) => {
    expect(v.safeParse(utilizationDetector.config, parameters).success).toBe(accepted);
  });
});
