import { createServer, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import { bareEngine, promptOf } from './engine-harness.ts';

const servers: ModelServer[] = [];

async function start(role?: string): Promise<ModelServer> {
  const server = await startModelServer({ name: role ?? 'whole', role, speedUp: 50, noise: false });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const hostPort = ({ host, port }: ModelServer): string => `${host}:${port}`;
const LONG = 'word '.repeat(400);

function ask(server: ModelServer, prefiller: string | undefined, body: object = {}): Promise<Response> {
  return fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: prefiller === undefined ? {} : { 'x-prefiller-host-port': prefiller },
    body: JSON.stringify({ prompt: LONG, max_tokens: 5, ...body }),
  });
}

async function promptTokensBySource(server: ModelServer): Promise<Record<string, number>> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const found = page.matchAll(/^vllm:prompt_tokens_by_source_total\{.*source="(\w+)".*\} (\S+)$/gm);
  return Object.fromEntries(Array.from(found, ([, source, value]) => [source, Number(value)]));
}

describe('a decode server', () => {
  it('has a prompt computed where it is told, and computes the last token itself', async () => {
    const [prefill, decode] = [await start('prefill'), await start('decode')];
    const answer = await ask(decode, hostPort(prefill));
    const { usage } = (await answer.json()) as { usage: Record<string, unknown> };
    expect(usage).toMatchObject({
      prompt_tokens: 500,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 499 },
    });
    expect(prefill.state()).toMatchObject({ role: 'prefill', promptTokens: 500, generationTokens: 1, prefilledBy: {} });
    expect(decode.state()).toMatchObject({
      role: 'decode',
      promptTokens: 500,
      promptTokensReceived: 499,
      generationTokens: 5,
      prefilledBy: { [hostPort(prefill)]: 1 },
    });
    expect(await promptTokensBySource(decode)).toEqual({
      local_compute: 1,
      local_cache_hit: 0,
      external_kv_transfer: 499,
    });
  });

  it('has what it received in its cache', async () => {
    const [prefill, decode] = [await start('prefill'), await start('decode')];
    await (await ask(decode, hostPort(prefill))).text();
    await (await ask(decode, undefined)).text();
    // 31 whole blocks of 16.
    expect(await promptTokensBySource(decode)).toEqual({
      local_compute: 5,
      local_cache_hit: 496,
      external_kv_transfer: 499,
    });
  });

  it('computes the prompt itself when nobody is named, or when it has no sidecar', async () => {
    const [whole, decode, prefill] = [await start(), await start('both'), await start('prefill')];
    await (await ask(decode, undefined)).text();
    await (await ask(whole, hostPort(prefill))).text();
    for (const server of [whole, decode]) {
      expect(server.state()).toMatchObject({ promptTokens: 500, promptTokensReceived: 0, prefilledBy: {} });
    }
    expect(prefill.state().promptTokens).toBe(0);
  });

  it('sends the prefill server the request for one token', async () => {
    const bodies: Record<string, unknown>[] = [];
    const stub = createServer((request: IncomingMessage, response) => {
      let text = '';
      request.on('data', (piece: Buffer) => (text += piece.toString()));
      request.on('end', () => {
        bodies.push(JSON.parse(text) as Record<string, unknown>);
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
    try {
      const address = stub.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const decode = await start('decode');
      const body = { stream: true, stream_options: { include_usage: true }, n: 2, min_tokens: 3, temperature: 0 };
      await (await ask(decode, `127.0.0.1:${port}`, body)).text();
      expect(bodies).toEqual([
        {
          prompt: LONG,
          stream: false,
          n: 1,
          max_tokens: 1,
          min_tokens: 1,
          temperature: 0,
          kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false },
        },
      ]);
    } finally {
      stub.closeAllConnections();
      stub.close();
    }
  });

  it('hands on what a prefill server refuses, and answers 502 for one that does not answer', async () => {
    const [prefill, decode] = [await start('prefill'), await start('decode')];
    await prefill.setFaults({ errorRate: 1, errorStatus: 503 });
    expect((await ask(decode, hostPort(prefill))).status).toBe(503);
    await prefill.crash();
    expect((await ask(decode, hostPort(prefill))).status).toBe(502);
    expect((await ask(decode, 'http://somewhere/')).status).toBe(400);
    expect(decode.state().prefilledBy).toEqual({});
  });
});

describe('an engine that receives a prompt', () => {
  it('makes its first token without computing the prompt', () => {
    const first = (received: boolean): number => {
      const { engine, timeline } = bareEngine('8b-h100');
      let atMs = Number.NaN;
      engine.submit({
        prompt: promptOf(1, 8000),
        maxTokens: 1,
        finishReason: 'length',
        nextToken: () => 1,
        sink: { onToken: () => (atMs = timeline.nowMs()) },
        received,
      });
      timeline.run();
      return atMs;
    };
    expect(first(true)).toBeLessThan(first(false) / 10);
  });
});
