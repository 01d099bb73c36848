import { describe, expect, it } from 'vitest';
import { endpointAt, endpointSpec, idlePool } from '../../test/kit/pool.ts';
import type { InflightShare } from '../core/plugin.ts';
import { Metrics } from './metrics.ts';
import { pluginMeter } from './plugin-metrics.ts';

describe('the meter of a plugin', () => {
  it('counts every fault and logs the first', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const logged: unknown[] = [];
    const log = { error: (details: unknown) => void logged.push(details) };
    const [one, two] = ['one', 'two'].map((name) => pluginMeter(metrics, { name, type: 't' }, log));
    const first = new Error('first');
    one.fault(first);
    one.fault(new Error('second'));
    two.fault('third');
    expect(logged).toEqual([
      { err: first, plugin: 'one' },
      { err: 'third', plugin: 'two' },
    ]);
    const page = await metrics.registry.metrics();
    expect(page).toContain('llm_d_epp_plugin_faults_total{plugin_name="one",plugin_type="t"} 2');
    expect(page).toContain('llm_d_epp_plugin_faults_total{plugin_name="two",plugin_type="t"} 1');
  });

  it('shows how many sessions are bound', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const meter = pluginMeter(metrics, { name: 'mine', type: 'session-affinity-scorer' });
    meter.sessionBindings(3);
    meter.sessionBindings(2);
    const line = 'llm_d_epp_session_bindings{plugin_name="mine",plugin_type="session-affinity-scorer"} 2';
    expect(await metrics.registry.metrics()).toContain(line);
  });
});

const PREFIX = 'llm_d_epp_';
const metricsOf = (): Metrics => new Metrics({ processMetrics: false, legacyMetrics: true });

/** Lines of one family, without its prefix. */
async function lines(metrics: Metrics, name: string): Promise<string[]> {
  const page = await metrics.registry.metrics();
  return page.split('\n').flatMap((line) => (line.startsWith(PREFIX + name) ? [line.slice(PREFIX.length)] : []));
}

describe('the size of a prefix index', () => {
  const size = (name: string, blocks: number): string =>
    `prefix_indexer_size{plugin_name="${name}",plugin_type="approx-prefix-cache-producer"} ${blocks}`;
  const meterOf = (metrics: Metrics, name: string) =>
    pluginMeter(metrics, { name, type: 'approx-prefix-cache-producer' });

  it('is asked for when the page is read, of every index there is', async () => {
    const metrics = metricsOf();
    let blocks = 1;
    const forget = meterOf(metrics, 'a').prefixIndexSize(() => blocks);
    meterOf(metrics, 'b').prefixIndexSize(() => 7);
    expect(await lines(metrics, 'prefix_indexer_size')).toEqual([size('a', 1), size('b', 7)]);
    blocks = 2;
    expect(await lines(metrics, 'prefix_indexer_size')).toEqual([size('a', 2), size('b', 7)]);
    const twin = (await metrics.registry.metrics()).split('\n');
    expect(twin).toContain('inference_extension_prefix_indexer_size 9');
    forget();
    expect(await lines(metrics, 'prefix_indexer_size')).toEqual([size('b', 7)]);
  });

  it("is the newer one's while an instance takes the place of another", async () => {
    const metrics = metricsOf();
    const forget = meterOf(metrics, 'a').prefixIndexSize(() => 100);
    meterOf(metrics, 'a').prefixIndexSize(() => 3);
    expect(await lines(metrics, 'prefix_indexer_size')).toEqual([size('a', 3)]);
    forget();
    expect(await lines(metrics, 'prefix_indexer_size')).toEqual([size('a', 3)]);
  });
});

describe('load in flight', () => {
  const meterOf = (metrics: Metrics, name: string) => pluginMeter(metrics, { name, type: 'inflight-load-producer' });

  it('is summed by endpoint, producer, flow and priority', async () => {
    const metrics = metricsOf();
    const pool = idlePool(2);
    const share = (slot: number, fairnessId: string, priority: number, tokens: number): InflightShare => ({
      endpoint: endpointAt(pool, slot),
      fairnessId,
      priority,
      tokens,
    });
    const shares = [
      share(0, 'a', 0, 5),
      share(0, 'a', 0, 7),
      share(0, 'a', 1, 0),
      share(0, 'b', 0, 1),
      share(1, 'a', 0, 2),
    ];
    const forget = meterOf(metrics, 'load').inflight(() => shares);
    meterOf(metrics, 'other').inflight(() => [share(0, 'a', 0, 9)]);
    const at = (endpoint: string, producer: string, flow: string, priority: number): string =>
      `{endpoint_name="${endpoint}",namespace="default",producer_name="${producer}",fairness_id="${flow}",priority="${priority}"}`;
    expect(await lines(metrics, 'inflight_requests{')).toEqual([
      `inflight_requests${at('vllm-0', 'load', 'a', 0)} 2`,
      `inflight_requests${at('vllm-0', 'load', 'a', 1)} 1`,
      `inflight_requests${at('vllm-0', 'load', 'b', 0)} 1`,
      `inflight_requests${at('vllm-1', 'load', 'a', 0)} 1`,
      `inflight_requests${at('vllm-0', 'other', 'a', 0)} 1`,
    ]);
    expect(await lines(metrics, 'inflight_tokens{')).toEqual([
      `inflight_tokens${at('vllm-0', 'load', 'a', 0)} 12`,
      `inflight_tokens${at('vllm-0', 'load', 'a', 1)} 0`,
      `inflight_tokens${at('vllm-0', 'load', 'b', 0)} 1`,
      `inflight_tokens${at('vllm-1', 'load', 'a', 0)} 2`,
      `inflight_tokens${at('vllm-0', 'other', 'a', 0)} 9`,
    ]);
    shares.length = 1;
    expect(await lines(metrics, 'inflight_tokens{')).toEqual([
      `inflight_tokens${at('vllm-0', 'load', 'a', 0)} 5`,
      `inflight_tokens${at('vllm-0', 'other', 'a', 0)} 9`,
    ]);
    forget();
    expect(await lines(metrics, 'inflight_requests{')).toHaveLength(1);
    expect(await lines(metrics, 'inflight_tokens{')).toHaveLength(1);
  });

  it('has no more flows than the contract allows', async () => {
    const metrics = metricsOf();
    const endpoint = endpointAt(idlePool(1), 0);
    const shares = Array.from({ length: 1200 }, (_, i) => ({ endpoint, fairnessId: `f${i}`, priority: 0, tokens: 1 }));
    meterOf(metrics, 'load').inflight(() => shares);
    const page = await lines(metrics, 'inflight_requests{');
    expect(page).toHaveLength(1001);
    expect(page.filter((line) => line.includes('fairness_id="other"'))).toEqual([expect.stringMatching(/ 200$/)]);
  });
});

describe('media', () => {
  it('count by kind and holder until the holder leaves', async () => {
    const metrics = metricsOf();
    const pool = idlePool(2);
    const meter = pluginMeter(metrics, { name: 'mm', type: 'mm-embeddings-cache-producer' });
    const plugin = 'plugin_type="mm-embeddings-cache-producer",plugin_name="mm"';
    const [first, second] = [endpointAt(pool, 0), endpointAt(pool, 1)];
    meter.mediaLookedUp('image', [first, second]);
    meter.mediaLookedUp('image', [first]);
    meter.mediaLookedUp('video', []);
    meter.mediaHit(0.5);
    expect(await lines(metrics, 'encoder_cache_queries_total')).toEqual([
      `encoder_cache_queries_total{${plugin},modality="image"} 2`,
      `encoder_cache_queries_total{${plugin},modality="video"} 1`,
    ]);
    expect(await lines(metrics, 'encoder_cache_hits_total')).toEqual([
      `encoder_cache_hits_total{${plugin},pod="default/vllm-0",modality="image"} 2`,
      `encoder_cache_hits_total{${plugin},pod="default/vllm-1",modality="image"} 1`,
    ]);
    expect(await lines(metrics, 'encoder_cache_hit_ratio_bucket')).toContain(
      `encoder_cache_hit_ratio_bucket{le="0.5",${plugin}} 1`,
    );
    pool.replace([endpointSpec(1)]);
    meter.mediaEndpointGone(first);
    expect(await lines(metrics, 'encoder_cache_hits_total')).toHaveLength(1);
  });
});

describe('render fallbacks', () => {
  it('are counted by plugin', async () => {
    const metrics = metricsOf();
    pluginMeter(metrics, { name: 't', type: 'token-producer' }).renderFallback();
    expect(await lines(metrics, 'render_fallbacks_total')).toEqual([
      'render_fallbacks_total{plugin_name="t",plugin_type="token-producer"} 1',
    ]);
  });
});
