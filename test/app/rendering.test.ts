import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { DecisionRecord } from '../../src/scheduling/decision.ts';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import { defaultConfig, startTestPicker, type TestPicker } from '../kit/picker.ts';
import { answerIds, type RenderServer, startRenderServer } from '../kit/render-server.ts';

const CHAT = '/v1/chat/completions';

let servers: ModelServer[];
let render: RenderServer;
let picker: TestPicker;
let gateway: Gateway;
const decisions: DecisionRecord[] = [];

beforeAll(async () => {
  servers = await Promise.all(
    [0, 1, 2].map((i) => startModelServer({ name: `pod-${i}`, model: 'served', speedUp: 50 })),
  );
  render = await startRenderServer();
  const url = `http://127.0.0.1:${render.port}`;
  // A name of its own: tokens still go where consumers look for them.
  const tokens = {
    name: 'tok',
    type: 'token-producer',
    parameters: { modelName: 'base', vllm: { url, timeout: '300ms' } },
  };
  picker = await startTestPicker(
    servers.map(({ port }) => port),
    {},
    {
      config(path) {
        const config = defaultConfig(path);
        return { ...config, plugins: [...config.plugins, tokens] };
      },
    },
  );
  picker.onDecision((decision) => void decisions.push(decision));
  gateway = await startEmbeddedGateway({ picker: { address: '127.0.0.1', port: picker.grpcPort, tls: false } });
  await picker.scraped();
});

afterAll(async () => {
  await gateway.stop();
  await picker.stop();
  await Promise.all(servers.map((server) => server.close()));
});

beforeEach(() => {
  render.calls.length = 0;
  decisions.length = 0;
});

async function post(path: string, body: object): Promise<{ status: number; endpoint: number; matched: number }> {
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'served', max_tokens: 2, ...body }),
  });
  await answer.text();
  const decision = decisions.at(-1);
  const matched = decision?.scores.find(({ type }) => type === 'prefix-cache-scorer')?.value ?? Number.NaN;
  return { status: answer.status, endpoint: decision?.picked[0] ?? -1, matched };
}
const chat = (content: string) => post(CHAT, { messages: [{ role: 'user', content }] });
/** So many token ids, from one on. */
const idsFrom = (first: number, count = 640): number[] => Array.from({ length: count }, (_, i) => first + i);

async function counted(series: string): Promise<number> {
  const line = (await picker.metrics()).find((text) => text.startsWith(`llm_d_epp_${series}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}
const FALLBACKS = 'render_fallbacks_total{plugin_name="tok",plugin_type="token-producer"}';
const FAULTS = 'plugin_faults_total{plugin_type="token-producer",plugin_name="tok"}';

describe('a picker with a render server', () => {
  it('asks it once for each request, about the model it was told', async () => {
    render.answer = answerIds(() => idsFrom(1_000));
    for (const content of ['one', 'two']) expect((await chat(content)).status).toBe(200);
    expect(render.calls.map(({ path, body }) => [path, body.model, body.messages])).toEqual(
      ['one', 'two'].map((content) => [`${CHAT}/render`, 'base', [{ role: 'user', content }]]),
    );
    expect(await counted(FALLBACKS)).toBe(0);
  });

  it('matches prompts by the tokens it was given, not by their text', async () => {
    render.answer = answerIds(() => idsFrom(10_000));
    const first = await chat('a text');
    const second = await chat('nothing like it at all'.repeat(100));
    expect([first.matched, second.matched]).toEqual([0, 1]);
    expect(second.endpoint).toBe(first.endpoint);
    // A control: one text, other tokens.
    render.answer = answerIds(() => idsFrom(20_000));
    expect((await chat('a text')).matched).toBe(0);
    render.answer = answerIds(() => [...idsFrom(20_000, 320), ...idsFrom(30_000, 320)]);
    expect((await chat('b')).matched).toBe(0.5);
  });

  it('has completions and Anthropic messages rendered too', async () => {
    render.answer = answerIds(() => idsFrom(40_000));
    expect((await post('/v1/completions', { prompt: 'hi' })).matched).toBe(0);
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }];
    expect((await post('/v1/messages', { system: 'Be brief.', messages })).matched).toBe(1);
    expect(render.calls).toEqual([
      { path: '/v1/completions/render', body: { model: 'base', max_tokens: 2, prompt: 'hi' } },
      {
        path: `${CHAT}/render`,
        body: {
          model: 'base',
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'hello' },
          ],
        },
      },
    ]);
  });

  it.each<[string, RenderServer['answer'], RegExp]>([
    ['does not answer', () => {}, /no answer within 300 ms/],
    ['answers garbage', (_call, response) => void response.end('<html>'), /POST http:.*JSON/],
    ['answers something else', (_call, response) => void response.end('{"tokens":[1]}'), /without token ids/],
    ['fails', (_call, response) => void response.writeHead(500).end('oops'), /status 500/],
    ['hangs up', (_call, response) => void response.destroy(), /POST http:/],
  ])('serves requests by an estimate when the server %s', async (_what, answer, complaint) => {
    const [fallbacks, faults] = [await counted(FALLBACKS), await counted(FAULTS)];
    render.answer = answer;
    const { status, matched } = await chat(`unheard of ${complaint.source}`.repeat(100));
    expect([status, matched]).toEqual([200, 0]);
    expect([await counted(FALLBACKS), await counted(FAULTS)]).toEqual([fallbacks + 1, faults + 1]);
    const told = picker.logged.findLast(({ plugin }) => plugin === 'tok');
    expect(told).toMatchObject({ msg: 'a producer failed; the request is scheduled with what there is' });
    expect((told?.err as Error | undefined)?.message).toMatch(complaint);
    expect(render.calls).toHaveLength(1);
    // One good answer, so that the next case finds a server in good repute.
    render.answer = answerIds(() => idsFrom(1));
    expect((await chat('fine')).status).toBe(200);
  });

  it('does without a server that is gone, and still knows prompts again', async () => {
    const faults = await counted(FAULTS);
    await render.close();
    for (let i = 0; i < 6; i++) expect((await chat('the same as ever'.repeat(50))).status).toBe(200);
    expect(decisions.at(-1)?.scores.find(({ type }) => type === 'prefix-cache-scorer')?.value).toBe(1);
    // Three were refused a connection; then nobody asked any more.
    expect(await counted(FAULTS)).toBe(faults + 3);
    expect(await counted(FALLBACKS)).toBe(5 + 6);
  });
});
