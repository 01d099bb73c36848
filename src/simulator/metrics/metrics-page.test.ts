import { describe, expect, it } from 'vitest';
import { EngineStats } from '../engine/engine-stats.ts';
import { Histogram } from '../../lib/histogram.ts';
import { MetricsPage, type Family } from './metrics-page.ts';
import { formatValue, quoteLabel } from './number-format.ts';
import { HttpStats, processFamilies } from './process-families.ts';
import { vllmFamilies } from './vllm-families.ts';

const CREATED = 1_795_440_864.3658009;

describe('values look as the Python client prints them', () => {
  it.each([
    [0, '0.0'],
    [28, '28.0'],
    [-1, '-1.0'],
    [0.3948234964231735, '0.3948234964231735'],
    [999_999, '999999.0'],
    [1_000_000, '1e+06'],
    [64_929_000, '6.4929e+07'],
    [CREATED, '1.7954408643658009e+09'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
  ])('%d as %s', (value, text) => {
    expect(formatValue(value)).toBe(text);
    if (!Number.isNaN(value) && Number.isFinite(value)) expect(Number(text)).toBe(value);
  });
});

it('label values are escaped', () => {
  expect(quoteLabel('a"b\\c\nd')).toBe(String.raw`"a\"b\\c\nd"`);
});

describe('a page', () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 7]) histogram.observe(value);
  const families: Family[] = [
    { name: 'load', type: 'gauge', help: 'Load.', series: [{ labels: { model: 'm', a: 'x' }, value: () => 3 }] },
    { name: 'tokens', type: 'counter', help: 'Tokens.', series: [{ labels: {}, value: () => 5 }] },
    { name: 'wait', type: 'histogram', help: 'Wait.', series: [{ labels: { model: 'm', a: 'x' }, value: histogram }] },
  ];
  const page = new MetricsPage(families, 2);

  it('has cumulative buckets, sorted labels, and creation times as families of their own', () => {
    expect(page.render()).toMatchInlineSnapshot(`
      "# HELP load Load.
      # TYPE load gauge
      load{a="x",model="m"} 3.0
      # HELP tokens_total Tokens.
      # TYPE tokens_total counter
      tokens_total 5.0
      # HELP tokens_created Tokens.
      # TYPE tokens_created gauge
      tokens_created 2.0
      # HELP wait Wait.
      # TYPE wait histogram
      wait_bucket{a="x",le="1.0",model="m"} 2.0
      wait_bucket{a="x",le="2.0",model="m"} 3.0
      wait_bucket{a="x",le="+Inf",model="m"} 4.0
      wait_count{a="x",model="m"} 4.0
      wait_sum{a="x",model="m"} 10.0
      # HELP wait_created Wait.
      # TYPE wait_created gauge
      wait_created{a="x",model="m"} 2.0
      "
    `);
  });

  it('as OpenMetrics names families without _total, keeps creation times inside, and ends', () => {
    const text = page.render('openmetrics');
    expect(text).toContain('# TYPE tokens counter\ntokens_total 5.0\ntokens_created 2.0\n');
    expect(text).not.toContain('# TYPE tokens_created');
    expect(text.endsWith('# EOF\n')).toBe(true);
  });

  it('cut down by name holds those samples only', () => {
    expect(page.render('text', ['tokens_total', 'nothing'])).toBe(
      '# HELP tokens_total Tokens.\n# TYPE tokens_total counter\ntokens_total 5.0\n',
    );
    expect(page.render('text', ['nothing'])).toBe('');
  });
});

describe("the server's page", () => {
  const stats = new EngineStats(131_072);
  const facts = { model: 'a/b', blocks: 27_800, maxModelLen: 131_072 };
  const page = new MetricsPage([...processFamilies(new HttpStats(), 1), ...vllmFamilies(stats, facts)], CREATED);

  it('tells what a picker reads', () => {
    stats.running = 28;
    stats.waiting = 3;
    stats.kvUsage = 0.25;
    const text = page.render();
    const labels = '{engine="0",model_name="a/b"}';
    expect(text).toContain(`\nvllm:num_requests_running${labels} 28.0\n`);
    expect(text).toContain(`\nvllm:num_requests_waiting${labels} 3.0\n`);
    expect(text).toContain(`\nvllm:kv_cache_usage_perc${labels} 0.25\n`);
    expect(text).toMatch(/\nvllm:cache_config_info\{.*block_size="16",.*num_gpu_blocks="27800",.*\} 1\.0\n/);
    expect(text).toContain(
      '\nvllm:num_requests_waiting_by_reason{engine="0",model_name="a/b",reason="capacity"} 3.0\n',
    );
  });

  it('has the size and the buckets of the real one', () => {
    const lines = page.render().split('\n');
    const buckets = (name: string): number => lines.filter((line) => line.startsWith(`vllm:${name}_bucket`)).length;
    expect(buckets('time_to_first_token_seconds')).toBe(23);
    expect(buckets('inter_token_latency_seconds')).toBe(20);
    expect(buckets('e2e_request_latency_seconds')).toBe(22);
    expect(buckets('request_prompt_tokens')).toBe(17);
    expect(buckets('iteration_tokens_total')).toBe(14);
    expect(lines.length).toBeGreaterThan(500);
  });

  it('has a HELP and a TYPE for every family, and none twice', () => {
    const types = page
      .render()
      .split('\n')
      .flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
    expect(new Set(types).size).toBe(types.length);
    expect(types).toContain('vllm:iteration_tokens_total');
  });
});
