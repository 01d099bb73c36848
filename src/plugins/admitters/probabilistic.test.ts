import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { idlePool, scraped } from '../../../test/kit/pool.ts';
import { probabilisticAdmitter } from './probabilistic.ts';

type Signals = readonly [waiting: number, kvUsage: number];

/** An admitter over endpoints with these signals, whose dice show `rolled`. */
function rig(signals: readonly Signals[], rolled: number, parameters: object = {}) {
  const endpoints = idlePool(signals.length);
  for (const [slot, [waiting, kvUsage]] of signals.entries()) scraped(endpoints, slot, { waiting, kvUsage });
  let rolls = 0;
  const random = { next: () => (rolls++, rolled), below: () => 0 };
  const admitter = create(probabilisticAdmitter, parameters, pluginContext({ endpoints, random }));
  return {
    endpoints,
    rolls: () => rolls,
    admit: (priority = -1) => admitter.admit(inferenceRequest({ priority }), endpoints.all),
  };
}

/** Contract 3.6, probabilistic-admitter: p = min(sat^power * k, 1), sat = mean of max(q/qThr, kv/kvThr). */
describe('probabilistic-admitter', () => {
  it.each<[signals: Signals[], parameters: object, probability: number]>([
    // 1/5 = 0.2 is more than 0.08/0.8 = 0.1: 0.2^5 * 300
    [[[1, 0.08]], {}, 0.096],
    // 0.32/0.8 = 0.4: 0.4^5 * 300 is 3.07, cut off
    [[[1, 0.32]], {}, 1],
    // mean of 0.2 and 0: 0.1^5 * 300
    [
      [
        [1, 0],
        [0, 0],
      ],
      {},
      0.003,
    ],
    // 5/10 = 0.5: 0.5^2 * 2
    [[[5, 0]], { queueDepthThreshold: 10, power: 2, k: 2 }, 0.5],
    // 0.25/0.5 = 0.5: 0.5^1 * 0.5
    [[[0, 0.25]], { kvCacheUtilThreshold: 0.5, power: 1, k: 0.5 }, 0.25],
    // unknown is full: 1^1 * 0.75
    [[[Number.NaN, 0]], { power: 1, k: 0.75 }, 0.75],
    [[[0, Number.NaN]], { power: 1, k: 0.75 }, 0.75],
  ])('refuses %j with %j with probability %d', (signals, parameters, probability) => {
    const justBelow = probability === 1 ? 0.999_999 : probability - 1e-9;
    expect(rig(signals, justBelow, parameters).admit()).toBeDefined();
    if (probability < 1) expect(rig(signals, probability + 1e-9, parameters).admit()).toBeUndefined();
  });

  it('never refuses an idle pool, however low the dice', () => {
    expect(rig([[0, 0]], 0).admit()).toBeUndefined();
  });

  it('takes metrics however old they are', () => {
    const { endpoints, admit } = rig([[0, 0]], 0);
    endpoints.signals.scrapedAtMs[0] = -1e9;
    expect(admit()).toBeUndefined();
  });

  it('asks the dice about negative priorities only', () => {
    const { rolls, admit } = rig([[100, 1]], 0);
    expect([admit(0), admit(5), rolls()]).toEqual([undefined, undefined, 0]);
    expect(admit(-1)).toBeDefined();
    expect(rolls()).toBe(1);
  });

  it('says why, as load that was dropped', () => {
    expect(rig([[1, 0]], 0.01).admit()).toMatchObject({
      code: 'ResourceExhausted',
      message: 'request cannot be admitted: probabilistic-admitter: rejected, saturation=0.200 prob=0.10',
      dropReason: 'rejected-saturated',
    });
  });

  it('takes the mean over 1,000 endpoints', () => {
    // Half of them at 0.4, half idle: 0.2 on average.
    const signals = Array.from({ length: 1000 }, (_, i): Signals => [i % 2 === 0 ? 2 : 0, 0]);
    expect(rig(signals, 0.0959).admit()).toBeDefined();
    expect(rig(signals, 0.0961).admit()).toBeUndefined();
  });

  it.each([
    [{ queueDepthThreshold: 1 }, true],
    [{ queueDepthThreshold: 0 }, false],
    [{ queueDepthThreshold: 1.5 }, false],
    [{ kvCacheUtilThreshold: 1.5 }, true],
    [{ kvCacheUtilThreshold: 0 }, false],
    [{ power: 0.1 }, true],
    [{ power: 0 }, false],
    [{ k: 0.1 }, true],
    [{ k: 0 }, false],
    [{ threshold: 1 }, false],
  ])('checks %j', (parameters, accepted) => {
    expect(v.safeParse(probabilisticAdmitter.config, parameters).success).toBe(accepted);
  });
});
