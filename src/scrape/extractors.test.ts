import * as v from 'valibot';
import { toJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import type { PluginContext } from '../core/plugin.ts';
import { BUILT_IN_ENGINES } from './engines.ts';
import { type CoreExtractorSettings, coreMetricsExtractor, modelsDataExtractor } from './extractors.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- these two look at no context
const context = {} as PluginContext;

function extractor(parameters: object): CoreExtractorSettings {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what its create returns
  return coreMetricsExtractor.create(
    v.parse(coreMetricsExtractor.config, parameters),
    context,
  ) as CoreExtractorSettings;
}

/** An engine that keeps each of the specs under one key. */
function custom(attributeKey: string, ...specs: string[]): object {
  return { name: `engine-${attributeKey}`, customMetrics: specs.map((metricSpec) => ({ attributeKey, metricSpec })) };
}

describe('core-metrics-extractor', () => {
  it('has the defaults of the contract', () => {
    expect(extractor({})).toEqual({
      labelKey: 'llm-d.ai/engine-type',
      defaultEngine: 'vllm',
      engines: BUILT_IN_ENGINES,
    });
  });

  it('takes engines of all shapes', () => {
    const engineConfigs = [
      {
        name: 'mine',
        queuedRequestsSpec: 'q{a="b"}',
        runningRequestsSpec: 'r',
        kvUsageSpec: 'k',
        loraSpec: '',
        cacheInfoSpec: 'i',
        cacheBlockSizeLabelName: 's',
        cacheNumBlocksLabelName: 'n',
        cacheBlockSizeSpec: '',
        cacheNumBlocksSpec: 'b',
        customMetrics: [{ attributeKey: 'x', metricSpec: 'm' }],
      },
    ];
    const { engines, defaultEngine } = extractor({ engineConfigs, defaultEngine: 'mine' });
    expect(defaultEngine).toBe('mine');
    expect(engines.at(-1)).toMatchObject({
      name: 'mine',
      lora: undefined,
      attributes: [{ key: 'x', metric: { name: 'm', labels: [] } }],
    });
    expect(Object.keys(engines.at(-1)?.signals ?? {})).toEqual([
      'waiting',
      'running',
      'kvUsage',
      'blockTokens',
      'blockCount',
    ]);
  });

  it('keeps 64 different attributes, over all engines, and not one more', () => {
    const engines = (count: number): object[] =>
      Array.from({ length: count }, (_, index) => ({
        name: `engine-${index}`,
        customMetrics: [
          { attributeKey: 'shared', metricSpec: 'm' },
          { attributeKey: `own-${index}`, metricSpec: 'm' },
        ],
      }));
    expect(extractor({ engineConfigs: engines(63) }).engines).toHaveLength(BUILT_IN_ENGINES.length + 63);
    expect(() => extractor({ engineConfigs: engines(64) })).toThrow('customMetrics may name 64 different attributes');
  });

  it('produces under its type whatever it is called, custom attributes included', () => {
    const config = v.parse(coreMetricsExtractor.config, { engineConfigs: [custom('x', 'm'), custom('y', 'm')] });
    const keys = coreMetricsExtractor
      .produces?.(config, 'renamed')
      .map(({ type, producer }) => `${type.name}/${producer}`);
    expect(keys).toEqual(
      ['WaitingQueueSize', 'RunningRequestsSize', 'KVCacheUsagePercent', 'ActiveModels', 'WaitingModels', 'x', 'y'].map(
        (key) => `${key}/core-metrics-extractor`,
      ),
    );
  });

  it.each([
    [{ defaultEngine: 'x' }, 'defaultEngine "x" not found in engineConfigs'],
    [{ engineConfigs: [{ name: '' }] }, 'an engine needs a name'],
    [{ engineConfigs: [{ name: 'default' }] }, "the name 'default' is reserved"],
    [{ engineConfigs: [{ name: 'a' }, { name: 'a' }] }, 'the name "a" is used twice'],
    [{ engineConfigs: [custom('', 'm')] }, 'an attribute needs a key'],
    [{ engineConfigs: [custom('x', '')] }, 'invalid metric spec ""'],
    [{ engineConfigs: [custom('x', 'm{')] }, 'invalid metric spec "m{"'],
    [{ engineConfigs: [custom('x', 'm', 'n')] }, 'attributeKey "x" is given twice'],
    [{ engineConfigs: [{ name: 'a', loraSpec: 'l{' }] }, 'invalid metric spec "l{"'],
    [{ engineConfigs: [{ name: 'a', kvUsageSpec: 'k{' }] }, 'invalid metric spec "k{"'],
    [{ engineConfigs: [{ name: 'a', kvusage: 'k' }] }, 'never'],
  ])('refuses %j', (parameters, message) => {
    expect(() => extractor(parameters)).toThrow(message);
  });
});

it('has a JSON Schema', () => {
  const schema = toJsonSchema(coreMetricsExtractor.config, { typeMode: 'input', errorMode: 'ignore' });
  expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
});

it('models-data-extractor has nothing to configure', () => {
  expect(v.parse(modelsDataExtractor.config, {})).toEqual({});
  expect(modelsDataExtractor.produces?.({}, 'mine').map(({ type, producer }) => `${type.name}/${producer}`)).toEqual([
    '/v1/models/models-data-extractor',
  ]);
});
