import { afterEach, describe, expect, it } from 'vitest';
import { startModelServer, type ModelServer } from '../../src/simulator/model-server.ts';
import type { ModelServerOptions } from '../../src/simulator/server-options.ts';
import { eventually } from './eventually.ts';

const servers: ModelServer[] = [];

async function start(options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = await startModelServer({ name: 'pod-7', speedUp: 20, noise: false, ...options });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function post(server: ModelServer, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(server.url + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });
}

const HELLO = { messages: [{ role: 'user', content: 'Hello there, how are the trains?' }] };

interface Reply {
  readonly id: string;
  readonly object: string;
  readonly choices: readonly {
    readonly index: number;
    readonly text?: string;
    readonly message?: { readonly content: string };
    readonly delta?: { readonly role?: string; readonly content: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number } | null;
  };
}

async function json(response: Response): Promise<Reply> {
  const reply: Reply = JSON.parse(await response.text());
  return reply;
}

/** The events of a stream, each parsed but the last. */
async function events(response: Response): Promise<Reply[]> {
  const lines = (await response.text()).split('\n\n').filter((line) => line !== '');
  expect(lines.every((line) => line.startsWith('data: '))).toBe(true);
  expect(lines.at(-1)).toBe('data: [DONE]');
  return lines.slice(0, -1).map((line): Reply => JSON.parse(line.slice(6)));
}

describe('answers', () => {
  it('chat: 64 tokens unless asked, usage, and who answered', async () => {
    const server = await start();
    const response = await post(server, '/v1/chat/completions', HELLO, { headers: { 'x-request-id': 'r-1' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-inference-pod')).toBe('pod-7');
    expect(response.headers.get('x-request-id')).toBe('r-1');
    const reply = await json(response);
    expect(reply).toMatchObject({ id: 'chatcmpl-r-1', object: 'chat.completion' });
    expect(reply.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop' });
    expect(reply.choices[0]?.message?.content).toHaveLength(256);
    expect(reply.usage).toMatchObject({ completion_tokens: 64, prompt_tokens_details: null });
    expect(reply.usage.total_tokens).toBe(reply.usage.prompt_tokens + 64);
  });

  it('completions: text, and length as the reason when a limit was asked for', async () => {
    const server = await start();
    const reply = await json(await post(server, '/v1/completions', { prompt: 'Once upon', max_tokens: 5 }));
    expect(reply).toMatchObject({ object: 'text_completion', usage: { completion_tokens: 5, prompt_tokens: 3 } });
    expect(reply.choices[0]).toMatchObject({ finish_reason: 'length' });
    expect(reply.choices[0]?.text).toHaveLength(20);
  });

  it('max_completion_tokens goes before max_tokens', async () => {
    const server = await start();
    const body = { ...HELLO, max_completion_tokens: 3, max_tokens: 9 };
    expect((await json(await post(server, '/v1/chat/completions', body))).usage.completion_tokens).toBe(3);
  });

  it('several prompts, given as text or tokens, and several choices', async () => {
    const server = await start();
    const body = { prompt: ['one two', [1, 2, 3]], n: 2, max_tokens: 2 };
    const reply = await json(await post(server, '/v1/completions', body));
    expect(reply.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(reply.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 8 });
  });

  it('a repeated prompt of 640 tokens reports 624 cached', async () => {
    const server = await start();
    const body = { prompt: 'x'.repeat(2560), max_tokens: 4 };
    const first = await json(await post(server, '/v1/completions', body));
    const second = await json(await post(server, '/v1/completions', body));
    expect(first.usage.prompt_tokens).toBe(640);
    expect(first.usage.prompt_tokens_details).toBeNull();
    expect(second.usage.prompt_tokens_details).toEqual({ cached_tokens: 624 });
    const salted = await json(await post(server, '/v1/completions', { ...body, cache_salt: 'me' }));
    expect(salted.usage.prompt_tokens_details).toBeNull();
  });

  it('a conversation hits the answer it was given', async () => {
    const server = await start();
    const ask = async (messages: unknown[]): Promise<Reply> =>
      json(await post(server, '/v1/chat/completions', { messages, max_tokens: 160 }));
    const first = await ask(HELLO.messages);
    const history = [...HELLO.messages, { role: 'assistant', content: first.choices[0]?.message?.content }];
    const second = await ask([...history, { role: 'user', content: 'And then?' }]);
    const known = first.usage.total_tokens;
    expect(second.usage.prompt_tokens_details?.cached_tokens).toBe(Math.floor((known - 1) / 16) * 16);
  });

  it('servers with one seed write one text', async () => {
    const [one, two] = [await start({ name: 'a', seed: 5 }), await start({ name: 'b', seed: 5 })];
    const text = async (server: ModelServer): Promise<string | undefined> =>
      (await json(await post(server, '/v1/chat/completions', HELLO))).choices[0]?.message?.content;
    expect(await text(one)).toBe(await text(two));
  });
});

describe('streams', () => {
  it('chat: role first, a finish reason last, usage on request, then DONE', async () => {
    const server = await start();
    const body = { ...HELLO, max_tokens: 10, stream: true, stream_options: { include_usage: true } };
    const response = await post(server, '/v1/chat/completions', body);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const parts = await events(response);
    expect(parts).toHaveLength(12);
    expect(parts[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(parts[10]?.choices[0]?.finish_reason).toBe('length');
    expect(parts.slice(0, 10).every(({ choices }) => choices[0]?.finish_reason === null)).toBe(true);
    expect(parts[11]).toMatchObject({ choices: [], usage: { completion_tokens: 10 } });
    const whole = await json(await post(server, '/v1/chat/completions', { ...HELLO, max_tokens: 10 }));
    const streamed = parts.map(({ choices }) => choices[0]?.delta?.content ?? '').join('');
    expect(streamed).toBe(whole.choices[0]?.message?.content);
  });

  it('completions: no role, no usage unless asked', async () => {
    const server = await start();
    const body = { prompt: ['a', 'b'], max_tokens: 3, stream: true };
    const parts = await events(await post(server, '/v1/completions', body));
    expect(parts).toHaveLength(6);
    expect(parts.filter(({ choices }) => choices[0]?.index === 1)).toHaveLength(3);
    expect(parts.every((part) => part.usage === undefined)).toBe(true);
  });

  it('stays whole with names outside ASCII, and on a connection used again', async () => {
    const server = await start({ model: 'модель-🚂"' });
    for (let turn = 0; turn < 3; turn += 1) {
      const parts = await events(await post(server, '/v1/chat/completions', { ...HELLO, stream: true, max_tokens: 2 }));
      expect(parts[0]).toMatchObject({ model: 'модель-🚂"' });
    }
  });
});

describe('refusals have the OpenAI shape', () => {
  it.each([
    ['bad JSON', '/v1/chat/completions', '{', 400],
    ['not an object', '/v1/chat/completions', '[]', 400],
    ['no messages', '/v1/chat/completions', {}, 400],
    ['empty messages', '/v1/chat/completions', { messages: [] }, 400],
    ['a message without a role', '/v1/chat/completions', { messages: [{ content: 'x' }] }, 400],
    ['no prompt', '/v1/completions', { max_tokens: 1 }, 400],
    ['an empty prompt', '/v1/completions', { prompt: '' }, 400],
    ['max_tokens 0', '/v1/completions', { prompt: 'x', max_tokens: 0 }, 400],
    ['n past the limit', '/v1/completions', { prompt: 'x', n: 129 }, 400],
    ['too many choices', '/v1/completions', { prompt: ['x', 'y'], n: 65 }, 400],
    ['too long', '/v1/completions', { prompt: 'x', max_tokens: 131_072 }, 400],
    ['unknown model', '/v1/completions', { prompt: 'x', model: 'other' }, 404],
    ['unknown path', '/v1/nothing', {}, 404],
    ['wrong method', '/v1/models', {}, 405],
  ])('%s', async (_name, path, body, status) => {
    const response = await post(await start(), path, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: expect.objectContaining({ message: expect.any(String), type: expect.any(String), code: status }),
    });
  });

  it('takes the longest request the model allows, not one token more', async () => {
    const server = await start({ maxModelLen: 100 });
    const status = async (tokens: number): Promise<number> =>
      (await post(server, '/v1/completions', { prompt: 'x'.repeat(40), max_tokens: tokens })).status;
    expect(await status(90)).toBe(200);
    expect(await status(91)).toBe(400);
  });

  it('takes a body of the largest size, not one byte more', async () => {
    const body = JSON.stringify({ prompt: 'hello', max_tokens: 1 });
    const server = await start({ maxBodyBytes: body.length });
    expect((await post(server, '/v1/completions', body)).status).toBe(200);
    expect((await post(server, '/v1/completions', `${body} `)).status).toBe(413);
    const chunked = new Blob([`${body}${' '.repeat(100_000)}`]).stream();
    const response = await post(server, '/v1/completions', '', { body: chunked, duplex: 'half' });
    expect(response.status).toBe(413);
  });

  it('503 when more requests than allowed are in the server', async () => {
    const server = await start({ maxQueuedRequests: 2, speedUp: 1 });
    const leave = new AbortController();
    const body = { ...HELLO, stream: true, max_tokens: 5000 };
    await Promise.all([1, 2].map(() => post(server, '/v1/chat/completions', body, { signal: leave.signal })));
    expect((await post(server, '/v1/chat/completions', body)).status).toBe(503);
    leave.abort();
    await eventually(() => server.state().inFlight).toBe(0);
    expect((await post(server, '/v1/chat/completions', { ...body, max_tokens: 1 })).status).toBe(200);
  });
});

describe('the rest of the API', () => {
  it('lists its model', async () => {
    const server = await start({ model: 'my-model' });
    expect(await (await fetch(`${server.url}/v1/models`)).json()).toMatchObject({
      data: [{ id: 'my-model', max_model_len: 131_072 }],
    });
  });

  it('is healthy', async () => {
    const response = await fetch(`${(await start()).url}/health`);
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('gives the short metrics page with a slash only, and OpenMetrics on request there', async () => {
    const server = await start();
    await (await post(server, '/v1/chat/completions', HELLO)).text();
    const scrape = (path: string, accept = '*/*'): Promise<Response> =>
      fetch(server.url + path, { headers: { accept } });
    const filter = 'name[]=vllm:num_requests_running&name[]=vllm:generation_tokens_total';
    const short = await (await scrape(`/metrics/?${filter}`)).text();
    expect(short.split('\n').filter((line) => line !== '')).toHaveLength(6);
    expect(short).toMatch(/vllm:generation_tokens_total\{.*\} 64\.0/);
    const long = await scrape(`/metrics?${filter}`);
    expect((await long.text()).length).toBeGreaterThan(40_000);
    expect(long.headers.get('content-type')).toContain('text/plain');
    const open = await scrape('/metrics/', 'application/openmetrics-text');
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text');
    expect((await open.text()).endsWith('# EOF\n')).toBe(true);
  });
});

it('a client that leaves frees its blocks, streamed or not', async () => {
  const server = await start({ speedUp: 1 });
  for (const stream of [true, false]) {
    const leave = new AbortController();
    const body = { messages: [{ role: 'user', content: 'x'.repeat(4000) }], max_tokens: 100_000, stream };
    const asked = post(server, '/v1/chat/completions', body, { signal: leave.signal }).then(
      (response) => response.text(),
      () => 'left',
    );
    await eventually(() => server.state().running).toBe(1);
    expect(server.state().kvUsage).toBeGreaterThan(0);
    leave.abort();
    await asked.catch(() => undefined);
    await eventually(() => server.state().inFlight).toBe(0);
    expect(server.state()).toMatchObject({ running: 0, kvUsage: 0, completed: 0 });
    expect(server.state().freeBlocks).toBe(server.state().blocks);
  }
});

it('a taken port is the system error', async () => {
  const server = await start();
  await expect(startModelServer({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
