import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpClient } from './http-client.ts';

const LIMITS = { timeoutMs: 5000, maxBytes: 100 };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/render`;
}

describe('the HTTP client of plugins', () => {
  it('posts JSON and reads JSON', async () => {
    const url = await serving((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { 'content-type': type } = request.headers;
        response.end(JSON.stringify({ method: request.method, type, body: Buffer.concat(pieces).toString() }));
      });
    });
    const { postJson } = createHttpClient();
    const expected = { method: 'POST', type: 'application/json', body: '{"a":1}' };
    expect(await postJson(url, '{"a":1}', LIMITS)).toEqual(expected);
    expect(await postJson(url, Buffer.from('..{"a":1}').subarray(2), LIMITS)).toEqual(expected);
  });

  it.each<[string, RequestListener, RegExp]>([
    ['a status that is no success', (_, response) => response.writeHead(503).end('busy'), /\/render: status 503$/],
    ['no JSON', (_, response) => response.end('<html>'), /\/render: .*JSON/],
    ['one byte too many', (_, response) => response.end(`"${'x'.repeat(99)}"`), /more than 100 bytes$/],
    ['a cut connection', (request) => request.socket.destroy(), /^POST http:\/\/127/],
  ])('tells of %s, without the query of the URL', async (_what, listener, message) => {
    const url = await serving(listener);
    const call = createHttpClient().postJson(`${url}?key=secret`, '{}', LIMITS);
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.not.toThrow(/secret/);
  });

  it('takes the longest answer that is allowed', async () => {
    const url = await serving((_, response) => response.end(`"${'x'.repeat(98)}"`));
    expect(await createHttpClient().postJson(url, '{}', LIMITS)).toBe('x'.repeat(98));
  });

  it('waits no longer than it is told', async () => {
    const url = await serving(() => {});
    const call = createHttpClient().postJson(url, '{}', { ...LIMITS, timeoutMs: 20 });
    await expect(call).rejects.toThrow(/no answer within 20 ms$/);
  });
});
