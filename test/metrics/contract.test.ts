import { describe, expect, it } from 'vitest';
import { NO_HEADERS } from '../../src/core/headers.ts';
import { FAMILIES, METRIC_PREFIX } from '../../src/telemetry/families.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { bindPluginDuration, pluginMeter } from '../../src/telemetry/plugin-metrics.ts';
import { PoolMetrics } from '../../src/telemetry/pool-metrics.ts';
import { RequestMetrics } from '../../src/telemetry/request-metrics.ts';
import { StreamMetrics } from '../../src/telemetry/stream-metrics.ts';
import { manualClock } from '../kit/clock.ts';
import { inferenceRequest } from '../kit/plugins.ts';
import { healthBook } from '../kit/health.ts';
import { endpointAt, idlePool, scraped } from '../kit/pool.ts';
import { ScriptedDirector } from '../wire/support.ts';
import { CONTRACT, type ContractRow, NOT_BUILT, OURS } from './contract-table.ts';
import { type PageFamily, readPage } from './exposition.ts';

/** Moves every family: two tenants of one model, a refusal, a pool, plugins, streams. */
function moveAll(metrics: Metrics): void {
  const clock = manualClock();
  const pool = idlePool(2);
  scraped(pool, 0, { waiting: 3, running: 2, kvUsage: 0.5 });
  const recorder = new RequestMetrics(metrics);
  for (const fairnessId of ['tenant-a', 'tenant-b']) {
    const response = recorder.accepted(inferenceRequest({ fairnessId, bodyBytes: 1000 }));
    response.firstByte(0.1, true);
    response.nextPiece(0.01);
    response.complete(2, 500);
    response.usage({ promptTokens: 100, cachedTokens: 50, completionTokens: 20 });
    response.pace(0.1, 0.05);
    response.processed(0.001);
    if (fairnessId === 'tenant-a') response.end();
  }
  recorder.refused(inferenceRequest(), 'ServiceUnavailable');
  recorder.scheduled(0.001, 'success', 'm', endpointAt(pool, 0));
  recorder.scheduled(0.001, 'failure', 'm', undefined);
  recorder.requestProcessed(0.001);
  new PoolMetrics(metrics, pool, healthBook(pool, clock), clock, {
    poolName: 'p',
    stalenessThresholdMs: 2000,
  }).refresh();
  const type = 'queue-scorer';
  const plugin = { name: 'q', type, metricType: type, kind: 'scorer', instance: { score() {} } } as const;
  bindPluginDuration(metrics)('Scorer', plugin)(0.001);
  for (const name of ['one', 'two']) {
    const meter = pluginMeter(metrics, { name, type: 'approx-prefix-cache-producer' });
    meter.prefixIndexSize(() => 5);
    meter.prefixHit(0.5, 100);
    meter.sessionBindings(3);
    meter.fault(new Error('x'));
    meter.renderFallback();
    meter.inflight(() => [{ endpoint: endpointAt(pool, 0), fairnessId: 'tenant-a', priority: 1, tokens: 50 }]);
    meter.mediaLookedUp('image', [endpointAt(pool, 0)]);
    meter.mediaHit(0.5);
  }
  const handler = pluginMeter(metrics, { name: 'h', type: 'disagg-profile-handler' });
  handler.disaggDecision('m', 'prefill-decode');
  handler.stageFailed('prefill');
  pluginMeter(metrics, { name: 'h', type: 'pd-profile-handler' }).pdDecision('', 'decode-only');
  const streams = new StreamMetrics(metrics, clock);
  streams.started();
  const exchange = streams.timed(new ScriptedDirector()).open(NO_HEADERS);
  clock.advance(20);
  exchange.end('complete');
  streams.ended(0);
  // Fed where the picker is put together.
  metrics.gauge('info').set({ commit: 'c', build_ref: 'b' }, 1);
  const rewrite = { model_rewrite_name: 'r', model_name: 'm', target_model: 't' };
  metrics.counter('model_rewrite_decisions_total').inc(rewrite);
  const source = { source_type: 'metrics-data-source' };
  metrics.counter('datalayer_poll_errors_total').inc(source);
  metrics.counter('datalayer_extract_errors_total').inc({ ...source, extractor_type: 'core-metrics-extractor' });
}

async function pageOf(metrics: Metrics): Promise<Map<string, PageFamily>> {
  return readPage(await metrics.registry.metrics());
}

async function movedPage(): Promise<Map<string, PageFamily>> {
  const metrics = new Metrics({ processMetrics: false, streamMetrics: true, legacyMetrics: true });
  moveAll(metrics);
  return pageOf(metrics);
}

const page = await movedPage();
const found = (name: string): Partial<PageFamily> => page.get(name) ?? {};
const rows = CONTRACT.map((row): [string, ContractRow] => [row.name, row]);
const twins = rows.flatMap(([name, row]) => (row.twin === undefined ? [] : [[row.twin.name, name, row] as const]));

describe('a metrics page', () => {
  it.each(rows)('has %s', (name, { type, labels, buckets }) => {
    expect(found(METRIC_PREFIX + name)).toMatchObject({ type, labels, buckets });
    expect(found(METRIC_PREFIX + name).help).toMatch(/^\[ALPHA\] [^[]/);
  });

  it.each(twins)('has the deprecated %s', (twin, name, { type, buckets, twin: { labels } = { labels: '' } }) => {
    expect(found(twin)).toMatchObject({ type, labels, buckets });
    expect(found(twin).help).toMatch(`[ALPHA] [Deprecated: Use ${METRIC_PREFIX}${name}] `);
  });

  it('has nothing else', () => {
    const known = [...rows, ...OURS.map((name) => [name])].map(([name]) => METRIC_PREFIX + name);
    expect([...page.keys()].toSorted()).toEqual([...known, ...twins.map(([name]) => name)].toSorted());
  });

  it('has none of the families that are called not built', () => {
    const names = Object.keys(FAMILIES);
    expect(NOT_BUILT.filter(([start]) => names.some((name) => name.startsWith(start)))).toEqual([]);
  });
});

describe('deprecated families', () => {
  it('sum over the labels they lack', () => {
    const model = 'model_name="m",target_model_name="m"';
    expect(Object.fromEntries(found('inference_objective_request_total').values ?? [])).toEqual({
      [`inference_objective_request_total{${model},priority="0"}`]: 2,
    });
    const sizes = found('inference_objective_request_sizes').values;
    expect(sizes?.get(`inference_objective_request_sizes_bucket{le="512",${model}}`)).toBe(0);
    expect(sizes?.get(`inference_objective_request_sizes_bucket{le="1024",${model}}`)).toBe(2);
    expect(sizes?.get(`inference_objective_request_sizes_bucket{le="+Inf",${model}}`)).toBe(2);
    expect(sizes?.get(`inference_objective_request_sizes_sum{${model}}`)).toBe(2000);
    expect(sizes?.get(`inference_objective_request_sizes_count{${model}}`)).toBe(2);
    expect(
      found('inference_objective_running_requests').values?.get('inference_objective_running_requests{model_name="m"}'),
    ).toBe(1);
    expect(
      found('inference_extension_prefix_indexer_size').values?.get('inference_extension_prefix_indexer_size'),
    ).toBe(10);
  });

  it('carry the value of a renamed label', () => {
    const queue = found('inference_pool_per_pod_queue_size').values;
    expect(queue?.get('inference_pool_per_pod_queue_size{name="p",model_server_pod="vllm-0"}')).toBe(3);
  });

  it('agree with the family they come from after every further move', async () => {
    const metrics = new Metrics({ processMetrics: false, streamMetrics: true, legacyMetrics: true });
    for (let i = 1; i <= 3; i++) {
      moveAll(metrics);
      const { values } = (await pageOf(metrics)).get('inference_objective_request_total') ?? {};
      expect([...(values?.values() ?? [])]).toEqual([2 * i]);
    }
  });

  it('are absent when not asked for, and so are those about streams', async () => {
    const names = [...(await pageOf(new Metrics({ processMetrics: false }))).keys()];
    expect(names.filter((name) => !name.startsWith(METRIC_PREFIX) || name.includes('extproc_stream'))).toEqual([]);
  });

  it('have no more label values than the families they come from', async () => {
    const metrics = new Metrics({ processMetrics: false, legacyMetrics: true });
    const recorder = new RequestMetrics(metrics);
    for (let i = 0; i < 1200; i++) {
      recorder.refused(inferenceRequest({ model: `m${i}`, targetModel: `m${i}` }), 'ServiceUnavailable');
    }
    const { values } = (await pageOf(metrics)).get('inference_objective_request_error_total') ?? {};
    expect(values?.size).toBe(1001);
    expect(Math.max(...(values?.values() ?? []))).toBe(200);
  });
});
