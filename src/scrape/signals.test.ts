import { describe, expect, it } from 'vitest';
import { engineOf } from './engine-configs.ts';
import { BUILT_IN_ENGINES } from './engines.ts';
import { SignalReader } from './signals.ts';

const readers = new Map(BUILT_IN_ENGINES.map((engine) => [engine.name, new SignalReader(engine)]));

function read(engine: string, page: string | Uint8Array): Record<string, unknown> {
  const reader = readers.get(engine);
  if (reader === undefined) throw new Error(`no engine ${engine}`);
  const { values, missing, usable } = reader.read(Buffer.from(page));
  return { ...values, missing, usable };
}

const UNKNOWN = {
  waiting: Number.NaN,
  running: Number.NaN,
  kvUsage: Number.NaN,
  blockTokens: Number.NaN,
  blockCount: Number.NaN,
};

describe('vllm', () => {
  it('keeps nothing from the page before', () => {
    read('vllm', 'vllm:num_requests_waiting 3\n');
    expect(read('vllm', '<html>\n')).toEqual({
      ...UNKNOWN,
      missing: ['waiting', 'running', 'kvUsage', 'blockTokens', 'blockCount'],
      usable: false,
    });
  });

  it('adds up queues of data-parallel engines, and takes the mean of their caches', () => {
    const page = [0, 1, 2, 3]
      .map((i) => {
        const labels = `engine="${i}",model_name="m"`;
        return (
          `vllm:num_requests_waiting{${labels}} ${i}\nvllm:num_requests_running{${labels}} 10\n` +
          `vllm:kv_cache_usage_perc{${labels}} 0.${i}\n` +
          `vllm:cache_config_info{block_size="32",engine="${i}",num_gpu_blocks="100"} 1\n`
        );
      })
      .join('');
    expect(read('vllm', page)).toEqual({
      waiting: 6,
      running: 40,
      kvUsage: expect.closeTo(0.15),
      blockTokens: 32,
      blockCount: 400,
      missing: [],
      usable: true,
    });
  });

  it('counts series once that differ only in the process or the model name, the highest of them', () => {
    const page =
      'vllm:num_requests_waiting{engine="0",model_name="m",pid="11"} 0\n' +
      'vllm:num_requests_waiting{engine="0",pid="12",model_name="m"} 4\n' +
      'vllm:num_requests_waiting{engine="0",model_name="m",pid="13"} NaN\n' +
      'vllm:num_requests_waiting{engine="1",model_name="m",pid="11"} 2\n' +
      'vllm:num_requests_running{model_name="/models/m"} 7\nvllm:num_requests_running{model_name="alias"} 7\n';
    expect(read('vllm', page)).toMatchObject({ waiting: 6, running: 7 });
  });

  it.each([
    ['NaN', 'vllm:num_requests_waiting NaN\n'],
    ['negative', 'vllm:num_requests_waiting -1\n'],
    ['infinite', 'vllm:num_requests_waiting +Inf\n'],
    [
      'one engine of two unknown',
      'vllm:num_requests_waiting{engine="0"} 1\nvllm:num_requests_waiting{engine="1"} nan\n',
    ],
    ['absent', 'vllm:num_requests_waiting_by_reason{reason="capacity"} 5\n'],
    ['malformed', 'vllm:num_requests_waiting{engine="0} 5\n'],
  ])('%s is unknown, never 0', (_, page) => {
    const { waiting, missing } = read('vllm', `${page}vllm:num_requests_running 2\n`);
    expect(waiting).toBeNaN();
    expect(missing).toContain('waiting');
  });

  it.each([
    ['0', 0],
    ['1', 1],
    ['1.0000001', Number.NaN],
    ['-0.0000001', Number.NaN],
    ['39.5', Number.NaN],
  ])('KV use %s reads as %d', (text, value) => {
    expect(read('vllm', `vllm:kv_cache_usage_perc ${text}\n`).kvUsage).toBe(value);
  });

  it('knows the name KV use had in V0, and prefers the new one', () => {
    expect(read('vllm', 'vllm:gpu_cache_usage_perc 0.4\n').kvUsage).toBe(0.4);
    expect(read('vllm', 'vllm:gpu_cache_usage_perc 0.4\nvllm:kv_cache_usage_perc 0.2\n').kvUsage).toBe(0.2);
  });

  it.each(['None', '', '0', '-5', 'auto', 'NaN'])('block facts of %j are unknown', (text) => {
    const page = `vllm:cache_config_info{block_size="${text}",num_gpu_blocks="${text}"} 1.0\n`;
    expect(read('vllm', page)).toMatchObject({ blockTokens: Number.NaN, blockCount: Number.NaN });
  });
});

describe('sglang', () => {
  it('takes the total, not the priorities, and adds up data-parallel ranks', () => {
    const rank = (i: number): string =>
      `sglang:num_queue_reqs{dp_rank="${i}",priority=""} 5\nsglang:num_queue_reqs{dp_rank="${i}",priority="1"} 2\n` +
      `sglang:num_queue_reqs{dp_rank="${i}",priority="0"} 3\nsglang:num_running_reqs{dp_rank="${i}",tp_rank="0"} 4\n` +
      `sglang:token_usage{dp_rank="${i}"} 0.${i}\nsglang:page_size{dp_rank="${i}"} 64\nsglang:num_pages{dp_rank="${i}"} 9\n`;
    expect(read('sglang', rank(2) + rank(4))).toEqual({
      waiting: 10,
      running: 8,
      kvUsage: expect.closeTo(0.3),
      blockTokens: 64,
      blockCount: 18,
      missing: [],
      usable: true,
    });
  });

  it('reads the cache facts of older releases', () => {
    const page = 'sglang:cache_config_info{page_size="1",num_pages="4096"} 1.0\n';
    expect(read('sglang', page)).toMatchObject({ blockTokens: 1, blockCount: 4096 });
  });
});

describe('other engines', () => {
  it('triton-tensorrt-llm: one metric, told apart by labels', () => {
    const request = (type: string, value: number): string =>
      `nv_trt_llm_request_metrics{model="m",request_type="${type}",version="1"} ${value}\n`;
    const cache = (type: string, value: number): string =>
      `nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="${type}",model="m"} ${value}\n`;
    const caches = cache('fraction', 0.25) + cache('tokens_per', 64) + cache('max', 500) + cache('free', 3);
    const page = request('waiting', 1) + request('max', 512) + request('active', 9) + caches;
    const facts = { waiting: 1, kvUsage: 0.25, blockTokens: 64, blockCount: 500, missing: [] };
    expect(read('triton-tensorrt-llm', page + request('scheduled', 8))).toMatchObject({ ...facts, running: 8 });
    expect(read('triton-tensorrt-llm', page)).toMatchObject({ ...facts, running: 9 });
  });

  it('triton runs each model on its own', () => {
    const page =
      'nv_inference_pending_request_count{model="a",version="1"} 6\nnv_inference_pending_request_count{model="b"} 2\n' +
      'nv_inference_pending_request_count{model="a",version="2"} 1\n';
    expect(read('triton', page)).toEqual({ ...UNKNOWN, waiting: 9, missing: [], usable: true });
  });

  it('configured: two signals of one metric', () => {
    const reader = new SignalReader(
      engineOf({ name: 'mine', queuedRequestsSpec: 'n{s="q"}', runningRequestsSpec: 'n{s=r}' }),
    );
    expect(reader.read(Buffer.from('n{s="r"} 1\nn{s="q"} 2\nn 3\n')).values).toMatchObject({ waiting: 2, running: 1 });
  });
});

describe('timestamps', () => {
  const page = (...values: string[]): string => values.map((value) => `vllm:num_requests_waiting ${value}\n`).join('');

  it.each([
    [['1', '5', '3'], 5],
    [['1 100', '5 90', '3 100'], 3],
    [['9', '5 90'], 5],
    [['5 90', '9'], 5],
    [['5 90', 'NaN 100'], Number.NaN],
    [['1 -5', '9 -6'], 1],
    [['4 # {trace_id="x"} 1 100', '2 50'], 2],
    [['4 100 # {trace_id="x"} 1', '2 50'], 4],
  ])('of %j, the newest counts, and among equals the highest: %d', (values, waiting) => {
    expect(read('vllm', page(...values)).waiting).toBe(waiting);
  });
});

describe('attributes', () => {
  const reader = new SignalReader(
    engineOf({
      name: 'mine',
      customMetrics: [
        { attributeKey: 'any', metricSpec: 'm' },
        { attributeKey: 'b', metricSpec: 'm{tier=b}' },
      ],
    }),
  );
  const attributes = (page: string): number[] => [...reader.read(Buffer.from(page)).attributes];

  it.each([
    ['m 7\n', [7, Number.NaN]],
    ['m{tier="a"} 1\nm{tier="b"} 2\nm{tier="b"} 3\n', [1, 2]],
    ['m{tier="a"} 1 10\nm{tier="b"} 2 20\nm{tier="b"} 3 15\n', [2, 2]],
    ['m{tier="b"} 2 20\nm{tier="b"} 3\n', [2, 2]],
    ['m{tier="b"} NaN\nm{tier="b"} -3e2\n', [-300, -300]],
    ['m{tier="b"} +Inf\n', [Number.NaN, Number.NaN]],
    ['m_total{tier="b"} 1\n', [Number.NaN, Number.NaN]],
  ])('of %j are %j', (page, values) => {
    expect(attributes(page)).toEqual(values);
  });

  it('are missed when they are not there, which makes a page without any of them no page', () => {
    const { missing, usable } = reader.read(Buffer.from('m{tier="a"} 1\n'));
    expect([missing, usable]).toEqual([['b'], true]);
    expect(reader.read(Buffer.from('n 1\n'))).toMatchObject({ missing: ['any', 'b'], usable: false });
  });

  it('cannot make up for a load that the engine should show', () => {
    const custom = engineOf({
      name: 'mine',
      runningRequestsSpec: 'running',
      customMetrics: [{ attributeKey: 'any', metricSpec: 'm' }],
    });
    expect(new SignalReader(custom).read(Buffer.from('m 1\n')).usable).toBe(false);
  });
});

it('an engine that shows nothing takes every page', () => {
  const { missing, usable } = new SignalReader(engineOf({ name: 'dark' })).read(Buffer.from('{}'));
  expect([missing, usable]).toEqual([[], true]);
});
