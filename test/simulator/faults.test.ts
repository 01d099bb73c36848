import { Agent, fetch, type Response } from 'undici';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startModelServer, type ModelServer } from '../../src/simulator/model-server.ts';
import { eventually } from './eventually.ts';

let server: ModelServer;
/** One connection per request: a pooled one would fail once more after every crash. */
const dispatcher = new Agent({ pipelining: 0 });
afterAll(() => dispatcher.close());

beforeEach(async () => {
  server = await startModelServer({ name: 'sick', speedUp: 20, noise: false });
});
afterEach(() => server.close());

const BODY = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20 };

function ask(extra: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${server.url}/v1/chat/completions`, {
    dispatcher,
    method: 'POST',
    body: JSON.stringify({ ...BODY, ...extra }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function admin(method: string, body?: unknown): Promise<Response> {
  return fetch(`${server.url}/_sim/faults`, {
    dispatcher,
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function get(path: string): Promise<Response> {
  return fetch(server.url + path, { dispatcher });
}

async function scrape(): Promise<string> {
  return (await get('/metrics')).text();
}

/** How a promise stands once `until` is done; nothing here waits for luck. */
async function settledBy(promise: Promise<unknown>, until: () => Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await until();
  return settled;
}

describe('crash', () => {
  it('drops streams, refuses, and comes back empty on the same port', async () => {
    await (await ask()).text();
    const open = await ask({ stream: true, max_tokens: 100_000 });
    const { port } = server;
    await server.crash();
    await expect(open.text()).rejects.toThrow();
    await expect(ask()).rejects.toThrow();
    expect(server.state().alive).toBe(false);
    await server.restart();
    expect(server.port).toBe(port);
    expect(server.state()).toMatchObject({ alive: true, completed: 0, cachedBlocks: 0, generationTokens: 0 });
    expect((await ask()).status).toBe(200);
    expect(await scrape()).toMatch(/vllm:generation_tokens_total\{.*\} 20\.0/);
  });

  it('over HTTP answers first, and restarts by itself', async () => {
    const response = await admin('POST', { crash: true, forSeconds: 0.3 });
    expect(response.status).toBe(202);
    await response.text();
    await eventually(() => server.state().alive).toBe(false);
    await eventually(() => server.state().alive).toBe(true);
    expect((await ask()).status).toBe(200);
  });

  it('closing a crashed server is harmless, twice too', async () => {
    await server.crash();
    await server.close();
    await server.close();
    await server.restart();
    expect(server.state().alive).toBe(false);
  });
});

describe('hang', () => {
  it('answers nothing but the admin paths, and goes on when lifted', async () => {
    await server.setFaults({ hang: true });
    const asked = [ask(), get('/health'), get('/metrics')];
    const before = async (): Promise<Response> => get('/_sim/state');
    expect(await settledBy(Promise.race(asked), async () => [await before(), await before()])).toBe(false);
    expect((await admin('DELETE')).status).toBe(200);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('stops streams under way', async () => {
    const response = await ask({ stream: true, max_tokens: 100_000 });
    await eventually(() => server.state().generationTokens).toBeGreaterThan(2);
    await server.setFaults({ hang: true });
    const { generationTokens } = server.state();
    await get('/_sim/state');
    expect(server.state().generationTokens).toBe(generationTokens);
    await response.body?.cancel();
  });

  it('after the headers', async () => {
    await server.setFaults({ headersThenHang: true });
    const leave = new AbortController();
    const response = await ask({ stream: true }, leave.signal);
    expect(response.status).toBe(200);
    const text = response.text();
    expect(await settledBy(text, scrape)).toBe(false);
    leave.abort();
    await expect(text).rejects.toThrow();
  });
});

it.each([true, false])('cuts the connection in the middle (stream: %s)', async (stream) => {
  await server.setFaults({ cutAfterTokens: 3 });
  await expect(ask({ stream }).then((response) => response.text())).rejects.toThrow();
  await eventually(() => server.state().inFlight).toBe(0);
  await server.setFaults({ cutAfterTokens: null });
  expect((await ask({ stream })).status).toBe(200);
});

it('refuses connections while streams go on, and takes them again', async () => {
  const open = await ask({ stream: true, max_tokens: 200 });
  await server.setFaults({ refuseConnections: true });
  await expect(ask()).rejects.toThrow();
  expect(await open.text()).toContain('[DONE]');
  await server.setFaults({ refuseConnections: false });
  expect((await ask()).status).toBe(200);
});

describe('errors by rate', () => {
  it.each([429, 500, 503] as const)('%i for all', async (errorStatus) => {
    await server.setFaults({ errorRate: 1, errorStatus });
    const response = await ask();
    expect(response.status).toBe(errorStatus);
    expect(await response.json()).toMatchObject({ error: { code: errorStatus } });
  });

  it('for a share, the same requests for the same seed', async () => {
    const statuses = async (): Promise<number[]> => {
      await server.restart();
      await server.setFaults({ errorRate: 0.4 });
      const seen: number[] = [];
      for (let turn = 0; turn < 20; turn += 1) seen.push((await ask({ max_tokens: 1 })).status);
      return seen;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await statuses()).toEqual(first);
  });
});

describe('the metrics page', () => {
  const metrics = async (kind: NonNullable<Parameters<ModelServer['setFaults']>[0]['metrics']>): Promise<Response> => {
    await server.setFaults({ metrics: kind });
    return get('/metrics');
  };

  it('garbage', async () => expect(await (await metrics('garbage')).text()).not.toMatch(/^vllm:.* \d/m));
  it('NaN', async () => {
    const text = await (await metrics('nan')).text();
    expect(text).toMatch(/^vllm:num_requests_running\{.*\} NaN$/m);
    expect(text).toMatch(/^vllm:kv_cache_usage_perc\{.*\} NaN$/m);
  });
  it('empty', async () => expect(await (await metrics('empty')).text()).toBe(''));
  it('error', async () => expect((await metrics('error')).status).toBe(500));
  it('OpenMetrics', async () => expect((await (await metrics('openmetrics')).text()).endsWith('# EOF\n')).toBe(true));
  it('huge, with the truth at its end', async () => {
    const text = await (await metrics('huge')).text();
    expect(text.length).toBeGreaterThan(30_000_000);
    expect(text).toContain('vllm:num_requests_running{');
  });
  it('huge, left by the scraper', async () => {
    const response = await metrics('huge');
    await response.body?.cancel();
    expect((await ask()).status).toBe(200);
  });
  it('frozen, until it is not', async () => {
    const frozen = await (await metrics('frozen')).text();
    await (await ask()).text();
    expect(await scrape()).toBe(frozen);
    await server.setFaults({ metrics: 'normal' });
    expect(await scrape()).not.toBe(frozen);
  });
  it.each([
    ['empty', 200],
    ['missing', 404],
  ] as const)('%s where only some of it is asked for', async (shortMetrics, status) => {
    await server.setFaults({ shortMetrics });
    const short = await get('/metrics/?name[]=vllm:num_requests_running');
    expect([short.status, (await short.text()).includes('vllm:')]).toEqual([status, false]);
    expect(await scrape()).toContain('vllm:num_requests_running{');
  });
  it('slow', async () => {
    await server.setFaults({ metrics: 'slow', metricsDelaySeconds: 3600 });
    const leave = new AbortController();
    const page = fetch(`${server.url}/metrics`, { dispatcher, signal: leave.signal });
    expect(await settledBy(page, async () => (await ask({ max_tokens: 1 })).text())).toBe(false);
    leave.abort();
    await expect(page).rejects.toThrow();
    await server.setFaults({ metricsDelaySeconds: 0.01 });
    expect(await scrape()).toContain('vllm:');
  });
});

describe('a dead engine', () => {
  it('shows in /health unless that lies', async () => {
    const health = async (): Promise<number> => (await get('/health')).status;
    await server.setFaults({ deadEngine: true });
    expect(await health()).toBe(503);
    await server.setFaults({ health: 'up' });
    expect(await health()).toBe(200);
    await server.setFaults({ deadEngine: false, health: 'down' });
    expect(await health()).toBe(503);
    expect((await ask()).status).toBe(200);
  });

  it('takes requests and answers them once it lives again', async () => {
    await server.setFaults({ deadEngine: true });
    const asked = ask();
    await eventually(() => server.state().inFlight).toBe(1);
    expect(await settledBy(asked, scrape)).toBe(false);
    await server.setFaults({ deadEngine: false });
    expect((await asked).status).toBe(200);
  });
});

it('slow and stalled steps show in its own histograms', async () => {
  await server.setFaults({ slowFactor: 10, stallSeconds: 3 });
  await (await ask()).text();
  const text = await scrape();
  const sum = (name: string): number => Number(new RegExp(`^vllm:${name}_sum\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1]);
  expect(sum('time_to_first_token_seconds')).toBeGreaterThan(3);
  // 19 gaps of ten times 6.4 ms.
  expect(sum('inter_token_latency_seconds')).toBeGreaterThan(19 * 0.064);
});

describe('the admin path', () => {
  it('changes what it names and nothing else, for as long as it says', async () => {
    await admin('POST', { errorRate: 1 });
    const faults = await (await admin('POST', { slowFactor: 3, forSeconds: 0.05 })).json();
    expect(faults).toMatchObject({ errorRate: 1, slowFactor: 3 });
    await eventually(() => server.state().faults).toMatchObject({ errorRate: 1, slowFactor: 1 });
    expect(await (await admin('DELETE')).json()).toMatchObject({ errorRate: 0 });
  });

  it.each([
    [{ slowFactor: 'x' }, 'slowFactor'],
    [{ errorRate: 1.1 }, 'errorRate'],
    [{ errorStatus: 418 }, 'errorStatus'],
    [{ nothing: true }, 'nothing'],
  ])('refuses %o', async (patch, knob) => {
    const response = await admin('POST', patch);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(knob) } });
  });

  it('tells the state', async () => {
    expect(await (await get('/_sim/state')).json()).toMatchObject({
      name: 'sick',
      alive: true,
      running: 0,
    });
  });
});
