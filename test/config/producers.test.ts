import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import type { ResolvedConfig } from '../../src/config/resolved.ts';

const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';

function resolve(text: string): ResolvedConfig {
  return resolveConfig(HEAD + text, { catalog: CATALOG, allowExperimental: true, source: 'test.yaml' });
}

function complaintsOf(text: string): string {
  try {
    resolve(text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const producersOf = ({ plugins }: ResolvedConfig): string[] =>
  plugins.filter(({ definition }) => definition.kind === 'producer').map(({ name }) => name);

describe('producers for later', () => {
  it.each([
    'predicted-latency-producer',
    'precise-prefix-cache-producer',
    'precise-prefix-cache-scorer',
    'burst-prefix-cache-producer',
    'p2p-source-producer',
    'multicluster-approx-prefix-cache-producer',
    'multicluster-prefix-cache-scorer',
    'multicluster-queue-scorer',
    'multicluster-kv-cache-utilization-scorer',
  ])('are refused by name: %s', (type) => {
    expect(complaintsOf(`plugins:\n- type: ${type}\n`)).toContain(
      `test.yaml:4:9: plugins[0].type: plugin type '${type}' is not supported yet`,
    );
  });
});

describe('tokens', () => {
  it('are made for whoever needs them', () => {
    const config = resolve('plugins: [{type: prefix-cache-scorer}]');
    expect(producersOf(config)).toEqual(['token-producer', 'approx-prefix-cache-producer']);
    expect(config.warnings).toEqual([]);
  });

  it.each([
    ['tokenizer', "{type: tokenizer, parameters: {modelName: m, vllm: {url: 'http://r:1'}}}"],
    ['mine', "{name: mine, type: token-producer, parameters: {ModelName: m, VLLM: {URL: 'http://r:1'}}}"],
  ])('are those of the one tokenizer there is, whatever it is called: %s', (name, declaration) => {
    const config = resolve(`plugins: [{type: prefix-cache-scorer}, ${declaration}]`);
    expect(producersOf(config)).toEqual([name, 'approx-prefix-cache-producer']);
    expect(config.plugins.find((plugin) => plugin.name === name)?.parameters).toMatchObject({
      modelName: 'm',
      vllm: { url: 'http://r:1', timeout: 5000, mmTimeout: 30_000 },
    });
  });

  it('serve two prefix producers (contract 2.9, S9)', () => {
    const config = resolve(`plugins:
- {type: token-producer}
- {type: approx-prefix-cache-producer, name: cpu, parameters: {autoTune: false, lruCapacityPerServer: 1000}}
- {type: prefix-cache-scorer, name: gpu-scorer}
- {type: prefix-cache-scorer, name: cpu-scorer, parameters: {prefixMatchInfoProducerName: cpu}}
schedulingProfiles: [{name: default, plugins: [{pluginRef: gpu-scorer}, {pluginRef: cpu-scorer}]}]`);
    expect(producersOf(config)).toEqual(['token-producer', 'cpu', 'approx-prefix-cache-producer']);
  });

  it.each([
    ['{vllm: {}}', "parameters.modelName: must be given with 'vllm'"],
    [
      '{modelName: m, udsTokenizerConfig: {socketFile: /s}}',
      "parameters.udsTokenizerConfig: must not be given: the UDS tokenizer is deprecated and not supported; set 'vllm' with the 'url'",
    ],
    [
      '{estimate: {image: {mode: auto}}}',
      'parameters.estimate.image.mode: found "auto", expected "dynamic" or "static"',
    ],
    ['{estimate: {image: {modes: static}}}', 'unknown key "modes" (did you mean "mode"?)'],
    ['{modelName: m, estimate: {}}', "parameters.estimate: must not be given together with 'vllm' or 'modelName'"],
    ['{modelName: m, vllm: {timeout: 5}}', 'parameters.vllm.timeout: found 5, expected a string'],
  ])('are not made with %s', (parameters, complaint) => {
    expect(complaintsOf(`plugins: [{type: token-producer, parameters: ${parameters}}]`)).toContain(complaint);
  });
});

describe('load in flight', () => {
  it('brings the producers it reads', () => {
    const config = resolve('plugins: [{type: inflight-load-producer}]');
    expect(producersOf(config)).toEqual(['token-producer', 'approx-prefix-cache-producer', 'inflight-load-producer']);
  });

  it('reads the prefix producer it is told to', () => {
    const text = `plugins:
- {type: inflight-load-producer, parameters: {prefixMatchInfoProducerName: cpu}}
- {type: approx-prefix-cache-producer, name: cpu}`;
    expect(producersOf(resolve(text))).toEqual(['token-producer', 'cpu', 'inflight-load-producer']);
  });
});
