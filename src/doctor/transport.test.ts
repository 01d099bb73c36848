import { once } from 'node:events';
import { createServer as createHttp1 } from 'node:http';
import { createServer as createHttp2, createSecureServer } from 'node:http2';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificate, selfSignedCertificate } from '../ext-proc/certificate.ts';
import { reach } from './reach.ts';
import { transportOf } from './transport.ts';

const TIMEOUT_MS = 2_000;
let pair: Certificate;

beforeAll(async () => {
  pair = await selfSignedCertificate();
});

async function listen(server: Pick<Server, 'listen' | 'address' | 'close'> & NodeJS.EventEmitter): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('a port', () => {
  it('speaks HTTP/2 over TLS, with its certificate and limit', async () => {
    const port = await listen(createSecureServer({ ...pair, settings: { maxConcurrentStreams: 77 } }));
    const seen = await transportOf('127.0.0.1', port, TIMEOUT_MS);
    expect(seen).toMatchObject({ kind: 'tls', maxStreams: 77 });
    expect(seen.kind === 'tls' && seen.certificate?.issuer).toBe('O=Inference Ext');
  });

  it('speaks HTTP/2 in cleartext, without a limit', async () => {
    const port = await listen(createHttp2());
    const seen = await transportOf('127.0.0.1', port, TIMEOUT_MS);
    expect(seen).toEqual({ kind: 'cleartext', certificate: undefined, maxStreams: undefined });
  });

  it('speaks TLS without HTTP/2', async () => {
    const port = await listen(createTls(pair, (socket) => socket.on('error', () => undefined)));
    const seen = await transportOf('127.0.0.1', port, TIMEOUT_MS);
    expect(seen).toEqual({ kind: 'other', why: 'it speaks TLS without HTTP/2 (ALPN h2)' });
  });

  it('speaks HTTP/1', async () => {
    const port = await listen(createHttp1());
    const seen = await transportOf('127.0.0.1', port, TIMEOUT_MS);
    expect(seen).toEqual({ kind: 'other', why: 'it speaks neither TLS nor cleartext HTTP/2' });
  });

  it('says nothing', async () => {
    const port = await listen(createTcp((socket) => socket.on('error', () => undefined)));
    const seen = await transportOf('127.0.0.1', port, 50);
    expect(seen).toEqual({ kind: 'other', why: 'it speaks neither TLS nor cleartext HTTP/2' });
  });

  it('has nobody', async () => {
    const server = createTcp().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await reach('127.0.0.1', port, TIMEOUT_MS)).toEqual({ kind: 'refused' });
    expect(await transportOf('127.0.0.1', port, TIMEOUT_MS)).toEqual({ kind: 'other', why: 'nobody listens there' });
  });

  it.each([0, 65_536, Number.NaN])('is no port: %s', async (port) => {
    expect(await reach('127.0.0.1', port, TIMEOUT_MS)).toEqual({ kind: 'silent', why: `${port} is no port` });
  });
});
