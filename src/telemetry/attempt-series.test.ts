import { expect, it } from 'vitest';
import { endpointAt, endpointSpec, idlePool } from '../../test/kit/pool.ts';
import { AttemptSeries, MAX_GONE } from './attempt-series.ts';
import { Metrics } from './metrics.ts';

it('keeps the series of endpoints that went for a while, but not for ever', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const family = metrics.counter('scheduler_attempts_total');
  const series = new AttemptSeries(family);
  const table = idlePool(0);
  table.listen(series);
  const named = (i: number) => endpointSpec(i, { name: `pod-${i}-rank-0`, podName: `pod-${i}` });
  const pick = (model: string): void => series.count(endpointAt(table, table.all[0]), model);
  const valueOf = async (pod: string): Promise<number[]> =>
    (await family.get()).values.filter(({ labels }) => labels['endpoint_name'] === pod).map(({ value }) => value);

  table.replace([named(0)]);
  pick('a');
  pick('a');
  pick('b');
  expect(await valueOf('pod-0')).toEqual([2, 1]);
  table.replace([]);
  table.replace([named(0)]);
  pick('a');
  expect(await valueOf('pod-0')).toEqual([3, 1]);
  for (let i = 1; i <= MAX_GONE; i++) {
    table.replace([named(i)]);
    pick('a');
  }
  expect(await valueOf('pod-0')).toEqual([3, 1]);
  table.replace([]);
  expect(await valueOf('pod-0')).toEqual([]);
  expect((await family.get()).values).toHaveLength(MAX_GONE);
  table.replace([named(0)]);
  pick('a');
  expect(await valueOf('pod-0')).toEqual([1]);
});

it('says nothing of endpoints nobody was sent to', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const table = idlePool(0);
  table.listen(new AttemptSeries(metrics.counter('scheduler_attempts_total')));
  for (let i = 0; i < 2 * MAX_GONE; i++) table.replace([endpointSpec(i)]);
  expect((await metrics.counter('scheduler_attempts_total').get()).values).toEqual([]);
});
