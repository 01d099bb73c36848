import { describe, expect, it } from 'vitest';
import { engineOf, mergeEngines } from './engine-configs.ts';
import { BUILT_IN_ENGINES, LEGACY_ENGINE_LABEL, selectEngine } from './engines.ts';
import { parseMetricSpec } from './metric-spec.ts';

describe('metric specs', () => {
  it.each([
    ['vllm:num_requests_waiting', { name: 'vllm:num_requests_waiting', labels: [] }],
    [' m { } ', { name: 'm', labels: [] }],
    ['m{a=b}', { name: 'm', labels: [['a', 'b']] }],
    [
      'm{a=b c , d="x,y}\\"\\\\\\n" , e=""}',
      {
        name: 'm',
        labels: [
          ['a', 'b c'],
          ['d', 'x,y}"\\\n'],
          ['e', ''],
        ],
      },
    ],
    ['m{a=b,}', { name: 'm', labels: [['a', 'b']] }],
  ])('%s', (text, spec) => {
    expect(parseMetricSpec(text)).toEqual(spec);
  });

  it.each(['', '{a=b}', 'm{', 'm}', 'm{a}', 'm{a=b', 'm{=b}', 'm{a=b c=d}', 'm{a="b}', 'm{,}', 'm-x', '1m', 'm{a!=b}'])(
    'refuses %j in one line',
    (text) => {
      expect(() => parseMetricSpec(text)).toThrow(/^invalid metric spec ".*": .+$/s);
    },
  );

  it('refuses a label given twice', () => {
    expect(() => parseMetricSpec('m{a=1,a=2}')).toThrow('invalid metric spec "m{a=1,a=2}": label "a" is given twice');
  });
});

describe('selection', () => {
  const choice = { labelKey: 'llm-d.ai/engine-type', defaultEngine: 'vllm', engines: BUILT_IN_ENGINES };
  const select = (labels: Record<string, string>, other = {}): string =>
    BUILT_IN_ENGINES[selectEngine(labels, { ...choice, ...other })].name;

  it.each([
    [{}, 'vllm'],
    [{ 'llm-d.ai/engine-type': 'sglang' }, 'sglang'],
    [{ [LEGACY_ENGINE_LABEL]: 'triton' }, 'triton'],
    [{ [LEGACY_ENGINE_LABEL]: 'triton', 'llm-d.ai/engine-type': 'trtllm-serve' }, 'trtllm-serve'],
    [{ [LEGACY_ENGINE_LABEL]: 'triton', 'llm-d.ai/engine-type': '' }, 'triton'],
    [{ 'llm-d.ai/engine-type': 'unheard-of' }, 'vllm'],
  ])('%j is %s', (labels, name) => {
    expect(select(labels)).toBe(name);
  });

  it('falls back to the configured default, and knows a configured label', () => {
    expect(select({}, { defaultEngine: 'sglang' })).toBe('sglang');
    expect(select({ kind: 'triton' }, { labelKey: 'kind' })).toBe('triton');
  });
});

describe('configured engines', () => {
  it('replace a built-in as a whole and keep the others', () => {
    const engines = mergeEngines([{ name: 'sglang', queuedRequestsSpec: 'q{x=y}' }, { name: 'mine' }]);
    expect(engines.map(({ name }) => name)).toEqual([...BUILT_IN_ENGINES.map(({ name }) => name), 'mine']);
    expect(Object.keys(engines[1].signals)).toEqual(['waiting']);
    expect(engines[1].signals.waiting?.sources).toEqual([{ metric: { name: 'q', labels: [['x', 'y']] } }]);
    expect(engines[5].signals).toEqual({});
  });

  it('take cache facts from gauges first, then from labels', () => {
    const { signals } = engineOf({
      name: 'mine',
      cacheBlockSizeSpec: 'size',
      cacheInfoSpec: 'info',
      cacheBlockSizeLabelName: 'block_size',
      cacheNumBlocksLabelName: 'blocks',
      kvUsageSpec: '',
    });
    expect(signals.blockTokens?.sources.map(({ metric, valueLabel }) => [metric.name, valueLabel])).toEqual([
      ['size', undefined],
      ['info', 'block_size'],
    ]);
    expect(signals.blockCount?.sources.map(({ metric, valueLabel }) => [metric.name, valueLabel])).toEqual([
      ['info', 'blocks'],
    ]);
    expect(signals.kvUsage).toBeUndefined();
  });

  it('can be sent to another thread', () => {
    expect(structuredClone(BUILT_IN_ENGINES)).toEqual(BUILT_IN_ENGINES);
  });
});
