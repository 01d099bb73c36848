import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { inferenceRequest } from '../../test/kit/plugins.ts';
import { healthBook } from '../../test/kit/health.ts';
import { endpointAt, endpointSpec, idlePool, scraped } from '../../test/kit/pool.ts';
import { LabelLimit, MAX_LABEL_VALUES } from './label-limit.ts';
import { Metrics } from './metrics.ts';
import { bindPluginDuration, pluginMeter } from './plugin-metrics.ts';
import { PoolMetrics } from './pool-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

const LABELS = 'model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"';

async function page(metrics: Metrics): Promise<string[]> {
  return (await metrics.registry.metrics()).split('\n');
}

describe('request metrics', () => {
  it('move through the life of an answered request', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const recorder = new RequestMetrics(metrics);
    const pool = idlePool(1);
    recorder.scheduled(0.0003, 'success', 'm', endpointAt(pool, 0));
    recorder.requestProcessed(0.001);
    const response = recorder.accepted(inferenceRequest({ bodyBytes: 1500 }));
    expect(await page(metrics)).toContain(`llm_d_epp_request_running{${LABELS}} 1`);
    response.firstByte(0.15, true);
    response.nextPiece(0.015);
    response.complete(2, 40_000);
    response.end();
    const lines = await page(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        `llm_d_epp_request_total{${LABELS}} 1`,
        `llm_d_epp_request_running{${LABELS}} 0`,
        `llm_d_epp_request_duration_seconds_sum{${LABELS}} 2`,
        `llm_d_epp_request_size_bytes_sum{${LABELS}} 1500`,
        `llm_d_epp_response_size_bytes_bucket{le="32778",${LABELS}} 0`,
        `llm_d_epp_response_size_bytes_bucket{le="65536",${LABELS}} 1`,
        `llm_d_epp_request_ttft_seconds_sum{${LABELS},streaming="true"} 0.15`,
        `llm_d_epp_request_streaming_itl_seconds_bucket{le="0.02",${LABELS}} 1`,
        'llm_d_epp_scheduler_attempts_total{status="success",target_model_name="m",endpoint_name="vllm-0",namespace="default",port="8000"} 1',
        'llm_d_epp_scheduler_e2e_duration_seconds_count 1',
        'llm_d_epp_request_processing_duration_seconds_count 1',
      ]),
    );
    expect(lines.filter((line) => line.startsWith('# HELP'))).toSatisfy((help: string[]) =>
      help.every((line) => /^# HELP llm_d_epp_\w+ \[ALPHA\] /.test(line)),
    );
  });

  it('count stages by model, those after the thousandth together, whoever saw the first ones', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const meter = pluginMeter(metrics, { name: 'h', type: 'disagg-profile-handler' });
    const recorder = new RequestMetrics(metrics);
    meter.disaggDecision('', 'decode-only');
    for (let i = 1; i < MAX_LABEL_VALUES; i++)
      recorder.refused(inferenceRequest({ model: `m${i}`, targetModel: `m${i}` }), 'Internal');
    meter.disaggDecision('m1', 'encode-decode');
    meter.disaggDecision('late', 'encode-decode');
    meter.pdDecision('m1', 'prefill-decode');
    meter.stageFailed('encode');
    const own = 'plugin_name="h",plugin_type="disagg-profile-handler"';
    expect((await page(metrics)).filter((line) => /^llm_d_epp_(disagg|pd)_/.test(line))).toEqual([
      `llm_d_epp_disagg_decision_total{${own},model_name="unknown",decision_type="decode-only"} 1`,
      `llm_d_epp_disagg_decision_total{${own},model_name="m1",decision_type="encode-decode"} 1`,
      `llm_d_epp_disagg_decision_total{${own},model_name="other",decision_type="encode-decode"} 1`,
      `llm_d_epp_pd_decision_total{${own},model_name="m1",decision_type="prefill-decode"} 1`,
      `llm_d_epp_disagg_stage_failures_total{${own},stage="encode"} 1`,
    ]);
  });

  it('name the pod of an endpoint, not its rank', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const pool = idlePool(0);
    pool.replace([endpointSpec(0, { name: 'vllm-a-rank-1', podName: 'vllm-a', port: 8001 })]);
    new RequestMetrics(metrics).scheduled(0.001, 'success', 'm', endpointAt(pool, pool.all[0]));
    expect(await page(metrics)).toContain(
      'llm_d_epp_scheduler_attempts_total{status="success",target_model_name="m",endpoint_name="vllm-a",namespace="default",port="8001"} 1',
    );
  });

  it('count refusals by code, a body nobody could read under an empty model', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const recorder = new RequestMetrics(metrics);
    recorder.refused(undefined, 'BadRequest');
    recorder.refused(inferenceRequest(), 'ServiceUnavailable');
    recorder.accepted(inferenceRequest()).serverError();
    expect(await page(metrics)).toEqual(
      expect.arrayContaining([
        'llm_d_epp_request_error_total{model_name="",target_model_name="",fairness_id="default-flow",priority="0",error_code="BadRequest"} 1',
        `llm_d_epp_request_error_total{${LABELS},error_code="ServiceUnavailable"} 1`,
        `llm_d_epp_request_error_total{${LABELS},error_code="ModelServerError"} 1`,
      ]),
    );
  });

  it('do not count a request without a model as running', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const response = new RequestMetrics(metrics).accepted(inferenceRequest({ model: '', targetModel: '' }));
    response.end();
    expect((await page(metrics)).filter((line) => /request_running\{.* -?[1-9]/.test(line))).toEqual([]);
  });
});

describe('label limit', () => {
  it('keeps the first values and calls the rest other', () => {
    const limit = new LabelLimit();
    for (let i = 0; i < MAX_LABEL_VALUES; i++) expect(limit.of(`m${i}`)).toBe(`m${i}`);
    expect(limit.of('one more')).toBe('other');
    expect(limit.of('m0')).toBe('m0');
  });
});

describe('pool metrics', () => {
  const rig = (size: number) => {
    const metrics = new Metrics({ processMetrics: false });
    const pool = idlePool(size);
    const clock = manualClock();
    const gauges = new PoolMetrics(metrics, pool, healthBook(pool, clock), clock, {
      poolName: 'p',
      stalenessThresholdMs: 2000,
    });
    return { metrics, pool, clock, gauges };
  };

  it('tell mean and sample deviation with two decimals', async () => {
    const { metrics, pool, gauges } = rig(3);
    for (const [slot, waiting] of [1, 2, 6].entries()) scraped(pool, slot, { waiting, kvUsage: 1 / 3 });
    gauges.refresh();
    expect(await page(metrics)).toEqual(
      expect.arrayContaining([
        'llm_d_epp_ready_endpoints{name="p"} 3',
        'llm_d_epp_average_queue_size{name="p"} 3',
        'llm_d_epp_std_dev_queue_size{name="p"} 2.65',
        'llm_d_epp_average_kv_cache_utilization{name="p"} 0.33',
        'llm_d_epp_per_endpoint_queue_size{name="p",model_server_endpoint="vllm-2"} 6',
      ]),
    );
  });

  it('leave out what is stale: fresh to the millisecond counts, older does not', async () => {
    const { metrics, clock, gauges } = rig(1);
    clock.advance(2000);
    gauges.refresh();
    expect(await page(metrics)).toContain('llm_d_epp_average_queue_size{name="p"} 0');
    clock.advance(1);
    gauges.refresh();
    expect((await page(metrics)).filter((line) => line.startsWith('llm_d_epp_average_queue_size{'))).toEqual([]);
  });

  it('forget the averages and endpoints of a pool that emptied', async () => {
    const { metrics, pool, gauges } = rig(2);
    gauges.refresh();
    pool.replace([]);
    gauges.refresh();
    const lines = await page(metrics);
    expect(lines).toContain('llm_d_epp_ready_endpoints{name="p"} 0');
    expect(lines.filter((line) => /^llm_d_epp_(average|std_dev|per_endpoint)\w+\{/.test(line))).toEqual([]);
  });
});

describe('plugin metrics', () => {
  it('carry instance name and type', async () => {
    const metrics = new Metrics({ processMetrics: false });
    bindPluginDuration(metrics)('Scorer', {
      name: 'q',
      type: 'queue-scorer',
      metricType: 'queue-scorer',
      kind: 'scorer',
      instance: { score() {} },
    })(0.001);
    const meter = pluginMeter(metrics, { name: 'p', type: 'approx-prefix-cache-producer' });
    meter.prefixIndexSize(() => 12);
    meter.prefixHit(0.5, 640);
    expect(await page(metrics)).toEqual(
      expect.arrayContaining([
        'llm_d_epp_plugin_duration_seconds_count{extension_point="Scorer",plugin_type="queue-scorer",plugin_name="q"} 1',
        'llm_d_epp_prefix_indexer_size{plugin_name="p",plugin_type="approx-prefix-cache-producer"} 12',
        'llm_d_epp_prefix_indexer_hit_ratio_bucket{le="0.5",plugin_name="p",plugin_type="approx-prefix-cache-producer"} 1',
        'llm_d_epp_prefix_indexer_hit_bytes_bucket{le="512",plugin_name="p",plugin_type="approx-prefix-cache-producer"} 0',
      ]),
    );
  });
});
