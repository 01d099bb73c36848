import { connect } from 'node:http2';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PICKER_CLUSTER, RETRY_ON_RESET } from '../../src/gateway/envoy-bootstrap.ts';
import { errorText } from '../../src/gateway/error-text.ts';
import { call, chat, eventually } from './http-call.ts';
import { startRealPicker } from './real-picker.ts';
import { envoyWith, type Rig, startRig } from './rig.ts';

const JSON_HEADERS = ['content-type', 'application/json'];

for (const secure of [true, false]) {
  describe(`Envoy and the picker, ${secure ? 'TLS' : 'cleartext'}`, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ backends: 3, secure, startPicker: startRealPicker, startGateway: envoyWith() });
    });
    afterAll(() => rig.stop());

    it('a body that is not JSON is refused with 400', async () => {
      const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: 'nope' });
      expect(reply.status).toBe(400);
      expect(reply.headers['content-type']).toBe('application/json');
      expect(JSON.parse(reply.body.toString())).toMatchObject({
        error: { message: expect.stringMatching(/^inference error: BadRequest - /), code: 'BadRequest' },
      });
    });

    it('an HTTP/2 request with trailers does not hang', async () => {
      const session = connect(rig.url);
      try {
        const status = await postWithTrailers(session, chat('with trailers'));
        expect(status).toBe(200);
      } finally {
        session.close();
      }
      await eventually('the books are empty', () => rig.picker.table.books.total === 0);
    });

    // Envoy resets every stream it has finished with, and Node's http2 by default takes a peer that resets more than
    // 1,000 streams and then 33 a second for an attacker: it ends the connection and every request on it.
    it('10,000 requests go over one connection to the picker, and none is lost', async () => {
      const before = await connections(rig);
      const pool = new Pool(rig.url, { connections: 16 });
      const outcomes = new Map<string, number>();
      let left = 10_000;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const outcome = await post(pool, chat(`number ${left % 50}`));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: 16 }, worker));
      await pool.close();
      expect(Object.fromEntries(outcomes)).toEqual({ '200 {"ok":true}': 10_000 });
      expect(await connections(rig)).toBe(Math.max(before, 1));
      await eventually('the books are empty', () => rig.picker.table.books.total === 0);
    });

    it('Envoy had nothing to complain about', async () => {
      expect(Object.values(await rig.gateway.complaints())).toEqual([0, 0, 0, 0]);
    });
  });
}

describe('a server that takes a request and dies before it answers', () => {
  for (const [name, retryOn, status] of [
    ["costs the request under Istio's own retry policy", undefined, 503],
    ['costs nothing when resets are retried', RETRY_ON_RESET, 200],
  ] as const) {
    it(name, async () => {
      const rig = await startRig({ backends: 2, startPicker: startRealPicker, startGateway: envoyWith(retryOn) });
      try {
        let died = false;
        for (const backend of rig.backends) {
          const answer = backend.answer;
          backend.answer = (received, response, request) => {
            if (died) return answer(received, response, request);
            died = true;
            request.socket.destroy();
          };
        }
        const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat('hi') });
        expect(reply.status).toBe(status);
        await eventually('the books are empty', () => rig.picker.table.books.total === 0);
      } finally {
        await rig.stop();
      }
    });
  }
});

async function post(pool: Pool, body: string): Promise<string> {
  try {
    const headers = { 'content-type': 'application/json' };
    const reply = await pool.request({ method: 'POST', path: '/v1/chat/completions', headers, body });
    return `${reply.statusCode} ${await reply.body.text()}`;
  } catch (error) {
    return errorText(error);
  }
}

function postWithTrailers(session: ReturnType<typeof connect>, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = session.request(
      { ':method': 'POST', ':path': '/v1/chat/completions', 'content-type': 'application/json' },
      { waitForTrailers: true },
    );
    request.on('wantTrailers', () => request.sendTrailers({ 'x-checksum': '1' }));
    let status = 0;
    request.on('response', (headers) => {
      status = headers[':status'] ?? 0;
    });
    request.on('error', reject);
    request.on('end', () => resolve(status));
    request.setTimeout(20_000, () => reject(new Error('no answer')));
    request.resume();
    request.end(body);
  });
}

async function connections(rig: Rig): Promise<number> {
  const stats = await rig.gateway.stats?.(`cluster.${PICKER_CLUSTER}.`);
  return stats?.get(`cluster.${PICKER_CLUSTER}.upstream_cx_total`) ?? Number.NaN;
}
