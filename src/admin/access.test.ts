import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { get, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Access } from './access.ts';
import { type AdminOptions, type AdminServer, startAdminServer } from './http.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let pair: Pair;
let other: Pair;
beforeAll(async () => {
  [pair, other] = await Promise.all([certificate('a'), certificate('b')]);
});

const open: AdminServer[] = [];
const errors: string[] = [];
afterEach(async () => {
  errors.length = 0;
  for (const server of open.splice(0)) await server.close();
});

async function certificate(name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], { algorithm: 'sha256', keyType: 'ec' });
  return { cert: made.cert, key: made.private };
}

async function admin(options: Partial<AdminOptions>): Promise<AdminServer> {
  const server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    pages: new Map([['/metrics', { contentType: 'text/plain', render: () => 'up 1\n' }]]),
    onError: (path, error) => errors.push(`${path}: ${(error as Error).message}`),
    ...options,
  });
  open.push(server);
  return server;
}

describe('token review', () => {
  const answers: Record<string, Access> = { good: 'ok', known: 'forbidden' };
  const asked: string[] = [];
  const authorize = async (token: string): Promise<Access> => {
    asked.push(token);
    if (token === 'broken') throw new Error('secret detail');
    return Promise.resolve(answers[token] ?? 'unauthenticated');
  };
  const read = async (server: AdminServer, authorization?: string, path = '/metrics') => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    return fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
  };

  it.each([
    [undefined, 401],
    ['', 401],
    ['Basic good', 401],
    ['Bearer', 401],
    ['Bearer a b', 401],
    ['Bearer stranger', 401],
    ['Bearer known', 403],
    ['Bearer good', 200],
    ['bearer good', 200],
  ])('answers %j with %d', async (authorization, status) => {
    const answer = await read(await admin({ authorize }), authorization);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
    expect((await answer.text()) === 'up 1\n').toBe(status === 200);
  });

  it('covers every path, so that nothing tells what is there', async () => {
    expect((await read(await admin({ authorize }), undefined, '/nope')).status).toBe(401);
  });

  it('asks nobody about a token longer than any real one', async () => {
    const server = await admin({ authorize });
    const longest = 'x'.repeat(8192);
    expect((await read(server, `Bearer ${longest}`)).status).toBe(401);
    expect((await read(server, `Bearer ${longest}y`)).status).toBe(401);
    expect(asked.at(-1)).toBe(longest);
  });

  it('shows nothing when the review fails', async () => {
    const answer = await read(await admin({ authorize }), 'Bearer broken');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('secret');
    expect(errors).toEqual(['/metrics: secret detail']);
  });
});

describe('TLS of the metrics port', () => {
  const read = async (server: AdminServer, options: RequestOptions = {}) => {
    const request = get({
      host: '127.0.0.1',
      port: server.port,
      path: '/metrics',
      rejectUnauthorized: false,
      agent: false,
      ...options,
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    const { socket } = answer;
    const peer: PeerCertificate | undefined = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
    return { status: answer.statusCode, name: peer?.subject.CN };
  };

  it('serves the page under the certificate, and the next one after it was replaced', async () => {
    const server = await admin({ tls: pair });
    expect(await read(server)).toEqual({ status: 200, name: 'a' });
    server.setSecureContext(other);
    expect(await read(server)).toEqual({ status: 200, name: 'b' });
    expect(() => server.setSecureContext({ cert: pair.cert, key: other.key })).toThrow();
    expect(await read(server)).toEqual({ status: 200, name: 'b' });
  });

  it('speaks no version before TLS 1.2', async () => {
    const server = await admin({ tls: pair });
    expect(await read(server, { maxVersion: 'TLSv1.2' })).toMatchObject({ status: 200 });
    const old = read(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
    await expect(old).rejects.toThrow(/protocol version/);
  });

  it('asks clients for a certificate of its authorities, also after its own was replaced', async () => {
    const server = await admin({ tls: { ...pair, clientCa: pair.cert } });
    for (const name of ['a', 'b']) {
      await expect(read(server)).rejects.toThrow();
      await expect(read(server, other)).rejects.toThrow();
      expect(await read(server, pair)).toEqual({ status: 200, name });
      server.setSecureContext(other);
    }
  });

  it('refuses what is no certificate, and a new one on a cleartext port', async () => {
    await expect(admin({ tls: { cert: 'x', key: 'y' } })).rejects.toThrow();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await expect(admin({ tls: { cert: pair.cert, key } })).rejects.toThrow();
    const server = await admin({});
    expect(() => server.setSecureContext(pair)).toThrow('a cleartext port has no certificate to replace');
  });

  it('closes while a handshake hangs', async () => {
    const server = await admin({ tls: pair });
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const gone = once(socket, 'close');
    await read(server);
    await server.close();
    open.length = 0;
    await gone;
  });
});
