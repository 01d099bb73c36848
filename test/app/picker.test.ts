import { afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import { eventually } from '../kit/eventually.ts';
import { endpointsText, startTestPicker, type TestPicker } from '../kit/picker.ts';

const MODEL = 'test-model';
const CHAT = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'hello there' }], max_tokens: 4 });

const open: { stop(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

async function servers(count: number): Promise<ModelServer[]> {
  const started = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startModelServer({ name: `pod-${index}`, model: MODEL, seed: index, speedUp: 20 }),
    ),
  );
  for (const server of started) open.push({ stop: () => server.close() });
  return started;
}

async function picker(...args: Parameters<typeof startTestPicker>): Promise<TestPicker> {
  const started = await startTestPicker(...args);
  open.push(started);
  return started;
}

async function gatewayTo({ grpcPort }: TestPicker, tls = false): Promise<Gateway> {
  const gateway = await startEmbeddedGateway({ picker: { address: '127.0.0.1', port: grpcPort, tls } });
  open.push(gateway);
  return gateway;
}

const chat = (gateway: Gateway, body = CHAT): Promise<Response> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });

describe('a whole picker', () => {
  it.each([false, true])(
    'directs requests with and without a body (TLS %s), and its books return to zero',
    async (tls) => {
      const pool = await servers(2);
      const running = await picker(
        pool.map(({ port }) => port),
        { secure: tls },
      );
      const gateway = await gatewayTo(running, tls);
      await running.scraped();
      const answer = await chat(gateway);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ choices: [{ message: { role: 'assistant' } }] });
      const models = await fetch(`${gateway.url}/v1/models`);
      expect(models.status).toBe(200);
      await models.text();
      await eventually('the books are empty', () => running.table.books.total === 0);
      expect((await running.metrics()).filter((line) => line.startsWith('llm_d_epp_request_total{'))).toEqual([
        expect.stringMatching(/model_name="test-model".* 1$/),
        expect.stringMatching(/model_name="".* 1$/),
      ]);
      expect(await running.metrics()).toContain('llm_d_epp_response_processing_duration_seconds_count 2');
    },
  );

  it('loses no request when a listed server is dead', async () => {
    const [dead, alive] = await servers(2);
    const running = await picker([dead.port, alive.port]);
    const gateway = await gatewayTo(running);
    await running.scraped();
    await dead.crash();
    for (let i = 0; i < 20; i++) {
      const answer = await chat(gateway);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-inference-pod')).toBe('pod-1');
      await answer.text();
    }
    await eventually('the books are empty', () => running.table.books.total === 0);
  });

  it('answers 503 for an empty pool and 400 for a body it cannot read', async () => {
    const gateway = await gatewayTo(await picker([]));
    const empty = await chat(gateway);
    expect(empty.status).toBe(503);
    expect(empty.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-no-endpoints');
    expect(empty.headers.get('content-type')).toBe('application/json');
    expect(await empty.json()).toEqual({
      error: {
        message: 'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request',
        type: 'server_error',
        param: null,
        code: 'ServiceUnavailable',
      },
    });
    const bad = await chat(gateway, 'nope');
    expect(bad.status).toBe(400);
    expect(await bad.json()).toMatchObject({
      error: { message: expect.stringMatching(/^inference error: BadRequest - error unmarshaling request bodyMap: /) },
    });
  });

  it('follows the endpoints file, and keeps the last good state when it turns bad', async () => {
    const pool = await servers(2);
    const running = await picker([pool[0].port]);
    await running.writeEndpoints(endpointsText(pool.map(({ port }) => port)));
    await eventually('the new endpoint is there', () => running.table.all.length === 2);
    await running.writeEndpoints('endpoints:\n- name: a\n  address: 1.2.3.4\n  port: "not a port"\n');
    await eventually('the bad file was reported', async () =>
      (await running.metrics()).includes('llm_d_epp_config_reload_errors_total{file="endpoints"} 1'),
    );
    expect(running.table.all).toHaveLength(2);
    expect(running.logged.map(({ msg }) => String(msg)).join('\n')).toMatch(/endpoints\.yaml:4:\d+/);
  });

  it('is not ready at once when told to stop, and serves old and new streams until the window ends', async () => {
    const pool = await servers(1);
    const running = await picker([pool[0].port], { drainTimeoutMs: 60_000 });
    const gateway = await gatewayTo(running);
    await running.scraped();
    const hurry = new AbortController();
    const stopped = running.stop(hurry.signal);
    const answer = await chat(gateway);
    expect(answer.status).toBe(200);
    await answer.text();
    hurry.abort();
    await stopped;
    open.splice(open.indexOf(running), 1);
    const late = await chat(gateway);
    expect(late.status).toBeGreaterThanOrEqual(500);
  });

  it('shows the pool as it sees it', async () => {
    const pool = await servers(1);
    const running = await picker([pool[0].port]);
    await running.scraped();
    const page = await fetch(`http://127.0.0.1:${running.metricsPort}/debug/endpoints`);
    expect(await page.json()).toEqual([
      expect.objectContaining({
        endpoint: 'default/pod-0',
        waiting: 0,
        running: 0,
        inflight: 0,
        unseen: 0,
        metricsFrozen: false,
      }),
    ]);
  });
});
