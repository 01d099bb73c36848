import { afterEach, describe, expect, it } from 'vitest';
import { AdapterSeries } from '../../src/simulator/engine/adapter-series.ts';
import type { Sequence } from '../../src/simulator/engine/sequence.ts';
import { loraFamily } from '../../src/simulator/metrics/lora-family.ts';
import { MetricsPage } from '../../src/simulator/metrics/metrics-page.ts';
import { startModelServer, type ModelServer } from '../../src/simulator/model-server.ts';
import { bareEngine, promptOf } from './engine-harness.ts';
import { eventually } from './eventually.ts';

describe('the engine', () => {
  /** Three requests at once, one for each of the adapters; with the order they end in. */
  function run(maxLoras: number | undefined, adapters: readonly (string | undefined)[]) {
    const { engine, timeline } = bareEngine('8b-h100', { maxLoras });
    const ended: number[] = [];
    const most = { running: 0, deferred: 0 };
    engine.onStep = ({ running }) => {
      most.running = Math.max(most.running, running);
      most.deferred = Math.max(most.deferred, engine.stats.deferred);
    };
    const sequences: Sequence[] = adapters.map((adapter, index) =>
      engine.submit({
        prompt: promptOf(index, 32),
        adapter,
        maxTokens: 8,
        finishReason: 'length',
        nextToken: () => index,
        sink: { onToken: (_, finish) => void (finish !== undefined && ended.push(index)) },
      }),
    );
    timeline.run();
    return { ended, most, sequences, engine };
  }

  it('lets others by when a request would need one adapter too many', () => {
    const { ended, most } = run(1, ['a', 'b', undefined, 'a']);
    expect(ended).toEqual([0, 2, 3, 1]);
    expect(most).toEqual({ running: 3, deferred: 1 });
  });

  it('runs as many adapters together as it has room for', () => {
    const { ended, most } = run(2, ['a', 'b', 'c', 'b']);
    expect(ended).toEqual([0, 1, 3, 2]);
    expect(most).toEqual({ running: 3, deferred: 1 });
  });

  it('knows nothing of adapters where it has none', () => {
    const { most, engine } = run(undefined, [undefined, undefined, undefined]);
    expect(most).toEqual({ running: 3, deferred: 0 });
    expect(engine.stats.adapters).toBeUndefined();
  });

  it('keeps every combination it had, each with its last time', () => {
    const { engine } = run(1, ['a', 'b', 'a']);
    const series = [...(engine.stats.adapters?.all ?? [])];
    expect(series.map(([list]) => list)).toEqual(['a,b', 'b', '']);
    const times = series.map(([, lastMs]) => lastMs);
    expect(times).toEqual(times.toSorted((x, y) => x - y));
    expect(new Set(times).size).toBe(3);
  });
});

describe('the family', () => {
  it('has a series per combination, and both lists alike', () => {
    const adapters = new AdapterSeries(4);
    const page = new MetricsPage([loraFamily(adapters, 1000)], 0);
    expect(page.render()).toBe(
      '# HELP vllm:lora_requests_info LoRA adapters with requests; the value is when.\n# TYPE vllm:lora_requests_info gauge\n',
    );
    adapters.note(new Set(['a', 'b']), 500);
    adapters.note(new Set(), 250);
    adapters.note(new Set(['a', 'b']), 750);
    const line = (list: string, value: string): string =>
      `vllm:lora_requests_info{max_lora="4",running_lora_adapters="${list}",waiting_lora_adapters="${list}"} ${value}\n`;
    expect(page.render()).toContain(line('a,b', '1000.75') + line('', '1000.25'));
    expect(page.render('openmetrics')).toContain(line('a,b', '1000.75'));
    expect(page.render('text', ['vllm:lora_requests_info'])).toContain(line('a,b', '1000.75'));
    expect(page.render('text', ['other'])).toBe('');
  });

  it('is bounded, unlike that of vLLM', () => {
    const adapters = new AdapterSeries(1);
    for (let i = 0; i <= 2000; i++) adapters.note(new Set([`a${i}`]), i);
    const lists = Array.from(adapters.all, ([list]) => list);
    expect([lists.length, lists[0], lists.at(-1)]).toEqual([2000, 'a1', 'a2000']);
  });
});

describe('a server', () => {
  const servers: ModelServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  async function start(): Promise<ModelServer> {
    const server = await startModelServer({ model: 'llama', adapters: ['sql', 'tweet'], speedUp: 20, noise: false });
    servers.push(server);
    return server;
  }

  const chat = (server: ModelServer, model: string): Promise<Response> =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        model,
        max_tokens: 2,
        messages: [{ role: 'user', content: 'the same words again and again, '.repeat(20) }],
      }),
    });

  it('serves its adapters as models, and no others', async () => {
    const server = await start();
    const models = await (await fetch(`${server.url}/v1/models`)).json();
    expect(models).toMatchObject({
      data: [{ id: 'llama', parent: null }, { id: 'sql', parent: 'llama' }, { id: 'tweet' }],
    });
    expect(await (await chat(server, 'sql')).json()).toMatchObject({ model: 'sql' });
    expect((await chat(server, 'code')).status).toBe(404);
  });

  it('shares no cache between the model and its adapters', async () => {
    const server = await start();
    const cached = async (model: string): Promise<unknown> => {
      const reply: { usage: { prompt_tokens_details: { cached_tokens: number } | null } } = JSON.parse(
        await (await chat(server, model)).text(),
      );
      return reply.usage.prompt_tokens_details?.cached_tokens ?? 0;
    };
    expect([await cached('llama'), await cached('sql'), await cached('tweet')]).toEqual([0, 0, 0]);
    expect(await cached('sql')).toBeGreaterThan(0);
  });

  it('tells on its page which adapters have requests', async () => {
    const server = await start();
    await chat(server, 'sql');
    const page = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();
    await eventually(async () =>
      /^vllm:lora_requests_info\{max_lora="1",running_lora_adapters="sql",waiting_lora_adapters="sql"\} \S+$/m.test(
        await page(),
      ),
    ).toBe(true);
    const plain = await startModelServer({ speedUp: 20 });
    servers.push(plain);
    expect(await (await fetch(`${plain.url}/metrics`)).text()).not.toContain('lora');
  });
});
