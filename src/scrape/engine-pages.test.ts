import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { engineOf } from './engine-configs.ts';
import { BUILT_IN_ENGINES, type Engine, SIGNALS, type SignalName, type SignalSource } from './engines.ts';
import { SignalReader } from './signals.ts';

const text = (name: string): string =>
  readFileSync(new URL(`../../test/fixtures/metrics/${name}`, import.meta.url), 'utf8');

const ACME = engineOf({
  name: 'acme',
  queuedRequestsSpec: 'acme_requests{state=queued}',
  runningRequestsSpec: 'acme_requests{state="served"}',
  kvUsageSpec: 'acme_cache_use',
  loraSpec: 'acme_adapters',
  cacheInfoSpec: 'acme_cache_info',
  cacheNumBlocksLabelName: 'blocks_total',
  customMetrics: [
    { attributeKey: 'depth', metricSpec: 'acme_queue_depth' },
    { attributeKey: 'silver', metricSpec: 'acme_queue_depth{tier=silver}' },
    { attributeKey: 'temperature', metricSpec: 'acme_temperature' },
  ],
});

const ENGINES = new Map([...BUILT_IN_ENGINES, ACME].map((each) => [each.name, each]));

function engine(name: string): Engine {
  const found = ENGINES.get(name);
  if (found === undefined) throw new Error(`no engine ${name}`);
  return found;
}

/** Everything a page says, copied: a reader reuses its answer. */
function read(name: string, page: string) {
  const { values, attributes, lora, missing, usable } = new SignalReader(engine(name)).read(Buffer.from(page));
  return {
    signals: SIGNALS.map((signal) => values[signal]),
    attributes: [...attributes],
    lora: lora && { active: [...lora.active], waiting: [...lora.waiting], maxActive: lora.maxActive },
    missing,
    usable,
  };
}

const lora = (active: string[], waiting: string[], maxActive: number) => ({ active, waiting, maxActive });

/** What each page says: waiting, running, KV use, tokens per block, blocks; then adapters and attributes. */
const PAGES: readonly (readonly [engine: string, page: string, signals: number[], rest: object])[] = [
  [
    'vllm',
    'vllm-metrics-sample.prom',
    [1, 28, 0.3948234964231735, 16, 27_310],
    { lora: lora(['tweet-lora'], ['tweet-lora'], 4) },
  ],
  [
    'vllm',
    'vllm-metrics-sample.openmetrics.txt',
    [1, 28, 0.3948234964231735, 16, 27_310],
    { lora: lora(['tweet-lora'], ['tweet-lora'], 4) },
  ],
  ['vllm', 'vllm-v0.prom', [2, 5, 0.125, 16, 7281], { lora: lora(['sql', 'tweet'], ['code'], 2) }],
  ['vllm', 'vllm-data-parallel.prom', [4, 19, 0.25, 32, 30_000], {}],
  [
    'vllm',
    'vllm-starting.prom',
    [Number.NaN, 0, Number.NaN, Number.NaN, Number.NaN],
    { lora: lora(['sql', 'chat'], [], 4), missing: ['waiting', 'kvUsage', 'blockTokens', 'blockCount'] },
  ],
  ['sglang', 'sglang.prom', [8, 25, 0.5, 64, 10_240], {}],
  ['sglang', 'sglang-old.prom', [2826, 162, 0.28, 1, 442_354], {}],
  ['trtllm-serve', 'trtllm-serve.prom', [2, 14, 0.0625, 32, 16_206], {}],
  ['triton-tensorrt-llm', 'triton-tensorrt-llm.prom', [1, 4, 0.4875, 64, 6247], {}],
  // Running is not what the counter of executions says, and not missed.
  ['triton', 'triton.prom', [11, Number.NaN, Number.NaN, Number.NaN, Number.NaN], {}],
  [
    'acme',
    'custom-engine.prom',
    [11, 6, 0.0625, 128, 900],
    { lora: lora(['a', 'b', 'd'], ['c'], 8), attributes: [3, 40, -4.5] },
  ],
];

describe('every engine', () => {
  it.each(PAGES)('%s: %s', (name, page, signals, rest) => {
    expect(read(name, text(page))).toEqual({
      signals,
      attributes: [],
      lora: undefined,
      missing: [],
      usable: true,
      ...rest,
    });
  });

  it('has a page here', () => {
    expect(new Set(PAGES.map(([name]) => name))).toEqual(new Set(ENGINES.keys()));
  });

  it.each([
    ['vllm', 'sglang.prom'],
    ['sglang', 'vllm-v0.prom'],
    ['trtllm-serve', 'trtllm-serve-metrics.json'],
    ['triton', 'triton-tensorrt-llm.prom'],
  ])('%s finds nothing on %s', (name, page) => {
    const { signals, usable } = read(name, text(page));
    expect([...signals, usable]).toEqual([...SIGNALS.map(() => Number.NaN), false]);
  });
});

/** Whether a line of a page is a sample of the source. */
function isOf({ metric }: SignalSource, line: string): boolean {
  if (!line.startsWith(`${metric.name}{`) && !line.startsWith(`${metric.name} `)) return false;
  return metric.labels.every(([label, value]) =>
    value === '' ? !new RegExp(`\\b${label}="[^"]`).test(line) : line.includes(`${label}="${value}"`),
  );
}

/** The page with every sample of the signal changed. */
function spoil(
  page: string,
  signal: SignalName,
  name: string,
  change: (line: string, by: SignalSource) => string,
): string {
  const sources = engine(name).signals[signal]?.sources ?? [];
  return page
    .split('\n')
    .map((line) => {
      const source = sources.find((one) => isOf(one, line));
      return source === undefined ? line : change(line, source);
    })
    .join('\n');
}

const SPOILS: readonly (readonly [what: string, change: (line: string, by: SignalSource) => string])[] = [
  ['absent', () => ''],
  ['of a longer name', (line, { metric }) => line.replace(metric.name, `${metric.name}_by_reason`)],
  ['of a shorter name', (line, { metric }) => line.replace(metric.name, metric.name.slice(0, -1))],
  [
    'no number',
    (line, { valueLabel }) =>
      valueLabel === undefined
        ? line.replace(/ \S+$/, ' NaN')
        : line.replace(new RegExp(`${valueLabel}="\\d+"`), `${valueLabel}="None"`),
  ],
  [
    'negative',
    (line, { valueLabel }) =>
      valueLabel === undefined ? line.replace(/ \S+$/, ' -1') : line.replace(`${valueLabel}="`, `${valueLabel}="-`),
  ],
];

describe('one signal that is wrong', () => {
  const whole = PAGES.filter(([, page]) => page.endsWith('.prom') && !page.endsWith('starting.prom'));
  const cases = whole.flatMap(([name, page]) =>
    SIGNALS.filter((signal) => engine(name).signals[signal] !== undefined).flatMap((signal) =>
      SPOILS.map(([what, change]) => [name, page, signal, what, change] as const),
    ),
  );

  it.each(cases)('%s, %s: %s is %s', (name, page, signal, _, change) => {
    const good = read(name, text(page));
    const { signals, missing } = read(name, spoil(text(page), signal, name, change));
    const place = SIGNALS.indexOf(signal);
    expect(signals[place]).toBeNaN();
    expect(missing).toContain(signal);
    // Block facts may share their metric, so that both go; nothing else may.
    for (const [index, value] of signals.entries())
      if (index < 3 && index !== place) expect(value).toBe(good.signals[index]);
  });
});
