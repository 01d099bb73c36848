import * as v from 'valibot';
import { toJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import type { PluginContext } from '../core/plugin.ts';
import { type HttpSourceSettings, metricsDataSource, modelsDataSource } from './sources.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- these look at no context
const context = {} as PluginContext;

function source(parameters: object): HttpSourceSettings {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what its create returns
  return metricsDataSource.create(v.parse(metricsDataSource.config, parameters), context) as HttpSourceSettings;
}

function modelsSource(parameters: object): HttpSourceSettings {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what its create returns
  return modelsDataSource.create(v.parse(modelsDataSource.config, parameters), context) as HttpSourceSettings;
}

describe('metrics-data-source', () => {
  it('has the defaults of the contract', () => {
    expect(source({})).toEqual({
      type: 'metrics-data-source',
      scheme: 'http',
      path: '/metrics',
      port: undefined,
      shortPage: true,
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
    [{ shortPage: false }, { shortPage: false }],
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
    [{ shortPage: 'no' }, /boolean/],
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

describe('models-data-source', () => {
  it('has the defaults of the contract, but asks every 5 seconds', () => {
    expect(modelsSource({})).toEqual({
      type: 'models-data-source',
      scheme: 'http',
      path: '/v1/models',
      port: undefined,
      shortPage: false,
      insecureSkipVerify: true,
      caCertPath: undefined,
      clientCertPath: undefined,
      clientKeyPath: undefined,
      intervalMs: 5000,
    });
  });

  it('takes what the metrics source takes but for a port', () => {
    const parameters = { scheme: 'https', path: 'models', interval: '1m', insecureSkipVerify: false };
    const settings = { scheme: 'https', path: '/models', intervalMs: 60_000, insecureSkipVerify: false };
    expect(modelsSource(parameters)).toMatchObject(settings);
    expect(() => modelsSource({ port: 8000 })).toThrow(/never/);
    expect(() => modelsSource({ shortPage: true })).toThrow(/never/);
    expect(() => modelsSource({ clientKeyPath: '/k' })).toThrow(/must be given together/);
  });
});

it.each([metricsDataSource, modelsDataSource])('$type has a JSON Schema', ({ config }) => {
  const schema = toJsonSchema(config, { typeMode: 'input', errorMode: 'ignore' });
  expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
});
