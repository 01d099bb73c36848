import { afterEach, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import type { ModelServerOptions } from '../../src/simulator/server-options.ts';
import { eventually } from '../kit/eventually.ts';
import { defaultConfig, startTestPicker, type TestConfig, type TestPicker } from '../kit/picker.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function server(options: ModelServerOptions): Promise<ModelServer> {
  const started = await startModelServer({ noise: false, ...options });
  cleanups.push(() => started.close());
  return started;
}

async function picker(servers: readonly ModelServer[], config: TestConfig): Promise<TestPicker> {
  const started = await startTestPicker(
    servers.map(({ port }) => port),
    {},
    config,
  );
  cleanups.push(() => started.stop());
  return started;
}

/** Metrics as usual, lists of models, and how many requests wait for an adapter. */
function everything(path: string, extractor: object = {}, models: object = {}) {
  const config = defaultConfig(path);
  const customMetrics = [
    { attributeKey: 'deferred', metricSpec: 'vllm:num_requests_waiting_by_reason{reason=deferred}' },
  ];
  const mine = {
    name: 'mine',
    queuedRequestsSpec: 'vllm:num_requests_waiting',
    runningRequestsSpec: 'vllm:num_requests_running',
    kvUsageSpec: 'vllm:kv_cache_usage_perc',
    loraSpec: 'vllm:lora_requests_info',
    customMetrics,
  };
  config.plugins.push(
    { type: 'metrics-data-source' },
    { type: 'core-metrics-extractor', parameters: { engineConfigs: [mine], defaultEngine: 'mine', ...extractor } },
    { type: 'models-data-source', parameters: { interval: '50ms', ...models } },
    { type: 'models-data-extractor' },
  );
  const entry = (source: string, reader: string) => ({ pluginRef: source, extractors: [{ pluginRef: reader }] });
  config.dataLayer = {
    discovery: { pluginRef: 'file' },
    sources: [
      entry('metrics-data-source', 'core-metrics-extractor'),
      entry('models-data-source', 'models-data-extractor'),
    ],
  };
  return config;
}

function ask(url: string, model: string): AbortController {
  const controller = new AbortController();
  void fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, max_tokens: 100_000, messages: [{ role: 'user', content: 'hello' }] }),
    signal: controller.signal,
  }).then(
    (response) => response.text(),
    () => undefined,
  );
  cleanups.push(() => controller.abort());
  return controller;
}

describe('what a picker knows of servers with adapters', () => {
  it('is which models they have, which adapters are in use, and what it was told to read besides', async () => {
    const lora = await server({ model: 'llama', adapters: ['sql', 'tweet'] });
    const plain = await server({ model: 'llama' });
    const { table, metricsPort } = await picker([lora, plain], everything);
    const slotOf = ({ port }: ModelServer): number => table.byHostPort(`127.0.0.1:${port}`)?.slot ?? -1;
    const [withLora, without] = [slotOf(lora), slotOf(plain)];
    await eventually(
      'the models are known',
      () => table.models(withLora) !== undefined && table.models(without) !== undefined,
    );
    expect([table.models(withLora), table.models(without)]).toEqual([
      new Set(['llama', 'sql', 'tweet']),
      new Set(['llama']),
    ]);
    const running = ask(lora.url, 'sql');
    await eventually('the adapter is in use', () => table.lora(withLora)?.active.has('sql') === true);
    expect(table.lora(withLora)).toEqual({ active: new Set(['sql']), waiting: new Set(['sql']), maxActive: 1 });
    ask(lora.url, 'tweet');
    await eventually('another waits for room', () => table.attribute('deferred')?.[withLora] === 1);
    await eventually('both are told', () => table.lora(withLora)?.waiting.has('tweet') === true);
    expect([table.lora(without), table.attribute('deferred')?.[without]]).toEqual([undefined, 0]);
    const pages = await (await fetch(`http://127.0.0.1:${metricsPort}/debug/endpoints`)).json();
    expect(pages).toMatchObject([
      {
        lora: { active: ['sql', 'tweet'], waiting: ['sql', 'tweet'], maxActive: 1 },
        models: ['llama', 'sql', 'tweet'],
        attributes: { deferred: 1 },
      },
      { models: ['llama'], attributes: { deferred: 0 } },
    ]);
    running.abort();
    await eventually('the first is gone', () => table.lora(withLora)?.active.has('sql') === false);
    await eventually('nobody waits any more', () => table.attribute('deferred')?.[withLora] === 0);
  });
});

describe('a configuration that cannot be scraped by', () => {
  it('is refused before anything that is known is forgotten', async () => {
    const lora = await server({ model: 'llama', adapters: ['sql'] });
    const picked = await picker([lora], everything);
    const { table } = picked;
    const [slot] = table.all;
    ask(lora.url, 'sql');
    await eventually('the adapter is in use', () => table.lora(slot)?.active.has('sql') === true);
    await picked.writeConfig((path) =>
      everything(path, { defaultEngine: 'vllm' }, { scheme: 'https', caCertPath: '/no.pem' }),
    );
    const refused = 'llm_d_epp_config_reload_total{result="failure"} 1';
    await eventually('it is refused', async () => (await picked.metrics()).includes(refused));
    const scrapes = table.signals.scrapes[slot];
    await eventually('the old one goes on', () => table.signals.scrapes[slot] > scrapes + 2);
    expect([table.lora(slot)?.active, table.attribute('deferred')?.[slot]]).toEqual([new Set(['sql']), 0]);
  });
});

describe('trouble with a source', () => {
  it('is counted by its type and that of what reads it', async () => {
    const down = await server({ model: 'llama' });
    const picked = await picker([down], everything);
    await picked.scraped();
    const counted = async (name: string, labels: string): Promise<number> => {
      const line = (await picked.metrics()).find((each) => each.startsWith(`llm_d_epp_${name}{${labels}}`));
      return Number(line?.split(' ').at(-1) ?? 0);
    };
    await down.crash();
    for (const source of ['metrics-data-source', 'models-data-source']) {
      await eventually(
        `${source} fails`,
        async () => (await counted('datalayer_poll_errors_total', `source_type="${source}"`)) > 0,
      );
    }
    await down.restart();
    await down.setFaults({ metrics: 'garbage' });
    const labels = 'source_type="metrics-data-source",extractor_type="core-metrics-extractor"';
    await eventually('nothing is found', async () => (await counted('datalayer_extract_errors_total', labels)) > 0);
    const models = 'source_type="models-data-source",extractor_type="models-data-extractor"';
    expect(await counted('datalayer_extract_errors_total', models)).toBe(0);
  });
});
