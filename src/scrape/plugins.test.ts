import * as v from 'valibot';
import { toJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import type { PluginContext } from '../core/plugin.ts';
import { BUILT_IN_ENGINES } from './engines.ts';
import {
  type CoreExtractorSettings,
  coreMetricsExtractor,
  type MetricsSourceSettings,
  metricsDataSource,
} from './plugins.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- these two look at no context
const context = {} as PluginContext;

function source(parameters: object): MetricsSourceSettings {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what its create returns
  return metricsDataSource.create(v.parse(metricsDataSource.config, parameters), context) as MetricsSourceSettings;
}

function extractor(parameters: object): CoreExtractorSettings {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what its create returns
  return coreMetricsExtractor.create(
    v.parse(coreMetricsExtractor.config, parameters),
    context,
  ) as CoreExtractorSettings;
}

describe('metrics-data-source', () => {
  it('has the defaults of the contract', () => {
    expect(source({})).toEqual({
      scheme: 'http',
      path: '/metrics',
      port: undefined,
      insecureSkipVerify: true,
      caCertPath: undefined,
      clientCertPath: undefined,
      clientKeyPath: undefined,
      intervalMs: undefined,
    });
  });

  it.each([
    [{ interval: '1m' }, { intervalMs: 60_000 }],
    [{ interval: '50ms' }, { intervalMs: 50 }],
    [{ interval: '1ms' }, { intervalMs: 50 }],
    [{ path: 'stats?a=b' }, { path: '/stats?a=b' }],
    [{ port: 1 }, { port: 1 }],
    [{ port: 65_535 }, { port: 65_535 }],
    [
      { scheme: 'https', insecureSkipVerify: false, caCertPath: '/ca' },
      { scheme: 'https', caCertPath: '/ca' },
    ],
    [
      { clientCertPath: '/c', clientKeyPath: '/k' },
      { clientCertPath: '/c', clientKeyPath: '/k' },
    ],
  ])('%j', (parameters, settings) => {
    expect(source(parameters)).toMatchObject(settings);
  });

  it.each([
    [{ scheme: 'ftp' }, /"http" \| "https"/],
    [{ port: 0 }, />=1/],
    [{ port: 65_536 }, /<=65535/],
    [{ port: 1.5 }, /integer/i],
    [{ port: '80' }, /number/],
    [{ interval: 'soon' }, /invalid duration "soon"/],
    [{ interval: '5' }, /missing unit in duration "5"/],
    [{ interval: '0s' }, /longer than 0/],
    [{ interval: '-1s' }, /longer than 0/],
    [{ interval: 50 }, /string/],
    [{ path: '/a b' }, /printable ASCII/],
    [{ path: '/a\r\nx: y' }, /printable ASCII/],
    [{ clientCertPath: '/c' }, /must be given together/],
    [{ clientKeyPath: '/k' }, /must be given together/],
    [{ color: 'red' }, /never/],
  ])('refuses %j', (parameters, message) => {
    expect(() => source(parameters)).toThrow(message);
  });
});

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
    expect(engines.at(-1)?.name).toBe('mine');
    expect(Object.keys(engines.at(-1)?.signals ?? {})).toEqual([
      'waiting',
      'running',
      'kvUsage',
      'blockTokens',
      'blockCount',
    ]);
  });

  it.each([
    [{ defaultEngine: 'x' }, 'defaultEngine "x" not found in engineConfigs'],
    [{ engineConfigs: [{ name: '' }] }, 'an engine needs a name'],
    [{ engineConfigs: [{ name: 'default' }] }, "the name 'default' is reserved"],
    [{ engineConfigs: [{ name: 'a' }, { name: 'a' }] }, 'a name is used twice'],
    [{ engineConfigs: [{ name: 'a', kvUsageSpec: 'k{' }] }, 'invalid metric spec "k{"'],
    [{ engineConfigs: [{ name: 'a', kvusage: 'k' }] }, 'never'],
  ])('refuses %j', (parameters, message) => {
    expect(() => extractor(parameters)).toThrow(message);
  });
});

it.each([metricsDataSource, coreMetricsExtractor])('$type has a JSON Schema', ({ config }) => {
  const schema = toJsonSchema(config, { typeMode: 'input', errorMode: 'ignore' });
  expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
});
