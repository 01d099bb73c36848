import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestPicker } from '../kit/picker.ts';
import { call, chat, eventually } from './http-call.ts';
import { envoyWith, type Rig, startRig } from './rig.ts';

const HEADERS = ['content-type', 'application/json'];

let rig: Rig;

beforeAll(async () => {
  rig = await startRig({
    backends: 1,
    async startPicker(ports, secure) {
      const limits = { maxStreams: 1, maxHeldBodyBytes: 100_000 };
      const picker = await startTestPicker(ports, { secure, limits });
      await picker.scraped();
      return picker;
    },
    startGateway: envoyWith(),
  });
});
afterAll(() => rig.stop());

it('clients of a full picker are told to come again, and served when there is room', async () => {
  const [backend] = rig.backends;
  let finish = (): void => {};
  backend.answer = (_received, response) => {
    response.write('{');
    finish = () => response.end('}');
  };
  const long = request(`${rig.url}/v1/chat/completions`, { method: 'POST', agent: false });
  long.end(chat('a long answer'));
  const [answer] = (await once(long, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  for (const body of [chat('hi'), chat('x'.repeat(50_000))]) {
    const reply = await call(rig.url, '/v1/chat/completions', { headers: HEADERS, body });
    expect(reply.status).toBe(429);
    expect(reply.headers).toMatchObject({
      'retry-after': '1',
      'x-llm-d-request-dropped-reason': 'rejected-saturated',
      'content-type': 'application/json',
    });
    expect(JSON.parse(reply.body.toString())).toMatchObject({ error: { type: 'rate_limit_error' } });
  }
  expect((await call(rig.url, '/v1/models', { method: 'GET' })).status).toBe(429);
  answer.resume();
  finish();
  await once(answer, 'end');
  await eventually('the books are empty', () => rig.picker.table.books.total === 0);
  backend.answer = (_received, response) => response.end('{}');
  expect((await call(rig.url, '/v1/models', { method: 'GET' })).status).toBe(200);
  expect(await rig.gateway.complaints()).toMatchObject({ streams_failed: 0, spurious_msgs_received: 0 });
});

it('a body that no room could hold is too large, not too early', async () => {
  const body = chat('x'.repeat(100_000));
  const reply = await call(rig.url, '/v1/chat/completions', { headers: HEADERS, body });
  expect([reply.status, reply.headers['retry-after']]).toEqual([413, undefined]);
});
