import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchEvent } from './api.ts';
import { KubernetesClient } from './client.ts';
import { loadKubeConfig } from './kube-config.ts';

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

let folder: string;
let server: Server;
let answer: Answer;
let connections: number;
let client: KubernetesClient;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-client-'));
  connections = 0;
  server = createServer((req, res) => answer(req, res));
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = new KubernetesClient(await loadKubeConfig({ KUBECONFIG: await kubeconfig(port) }));
});

afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function kubeconfig(port: number): Promise<string> {
  const file = join(folder, 'config');
  const config = {
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}/`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function watched(signal = new AbortController().signal, idleMs = 5_000): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of client.watch({ path: '/w', query: { resourceVersion: '7' }, signal, idleMs })) {
    events.push(event);
  }
  return events;
}

const json = (value: unknown): Answer => {
  return (_req, res) => void res.end(JSON.stringify(value));
};

describe('a request', () => {
  it('says who asks, for what, and sends JSON', async () => {
    const seen: unknown[] = [];
    answer = (req, res) => {
      req.setEncoding('utf8').on('data', (body) => {
        const { authorization, accept, 'content-type': type } = req.headers;
        seen.push(req.method, req.url, authorization, accept, type, body);
        res.end('{"done":true}');
      });
    };
    const request = {
      method: 'POST',
      path: '/a',
      query: { limit: 5, none: undefined, s: 'a=b,c' },
      body: { x: 1 },
    } as const;
    expect(await client.request(request)).toEqual({ done: true });
    expect(seen).toEqual([
      'POST',
      '/a?limit=5&s=a%3Db%2Cc',
      'Bearer secret',
      'application/json',
      'application/json',
      '{"x":1}',
    ]);
  });

  it('uses connections again', async () => {
    answer = json({});
    for (let i = 0; i < 10; i++) await client.request({ path: '/a' });
    // The pool may open a second one before it sees the first free.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'absent'],
    [409, 'conflict'],
    [410, 'expired'],
    [422, 'refused'],
    [429, 'busy'],
    [500, 'server'],
    [503, 'server'],
  ])('fails with what the server says about %i', async (code, fault) => {
    answer = (_req, res) =>
      void res.writeHead(code, { 'retry-after': '2' }).end('{"kind":"Status","message":"pods\\nis no"}');
    await expect(client.request({ path: '/a' })).rejects.toMatchObject({
      fault,
      message: `${code} pods is no`,
      retryAfterMs: 2_000,
    });
  });

  it('fails in one line for an answer that is no status', async () => {
    answer = (_req, res) => void res.writeHead(502).end(`<html>${'x'.repeat(1_000)}\n`);
    const error = await client.request({ path: '/a' }).catch((reason: unknown) => reason as Error);
    expect((error as Error).message).toMatch(/^502 <html>x{394}\.\.\.$/);
  });

  it('fails on an answer that is no JSON', async () => {
    answer = (_req, res) => void res.end('<html>');
    await expect(client.request({ path: '/a' })).rejects.toMatchObject({ fault: 'garbled' });
  });

  it('does not wait for ever', async () => {
    answer = () => undefined;
    await expect(client.request({ path: '/a', timeoutMs: 50 })).rejects.toMatchObject({ fault: 'timeout' });
  });

  it('says that nobody is there, and finds a server that came back', async () => {
    answer = json({});
    await client.request({ path: '/a' });
    const { port } = server.address() as AddressInfo;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(client.request({ path: '/a' })).rejects.toMatchObject({
      fault: 'unreachable',
      message: expect.stringMatching(/^API server http:\/\/127\.0\.0\.1:\d+: (connect ECONNREFUSED|other side closed)/),
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    expect(await client.request({ path: '/a' })).toEqual({});
  });

  it('ends with the order to stop', async () => {
    answer = () => undefined;
    const stop = new AbortController();
    const waiting = client.request({ path: '/a', signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('a watch', () => {
  const line = (n: number): string =>
    `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: `p${n}ü` } } })}\n`;

  it('gives each line however it is cut, and ends when the server ends it', async () => {
    const bytes = Buffer.from(line(0) + line(1) + line(2));
    answer = (req, res) => {
      expect(req.url).toBe('/w?resourceVersion=7&watch=true');
      void (async () => {
        for (const byte of bytes) {
          res.write(Buffer.of(byte));
          if (byte === 0x0a) await delay(1);
        }
        res.end();
      })();
    };
    expect((await watched()).map(({ object }) => object.metadata?.name)).toEqual(['p0ü', 'p1ü', 'p2ü']);
  });

  it('fails when nothing comes for too long, and dials anew afterwards', async () => {
    answer = (_req, res) => void res.write(line(0));
    await expect(watched(undefined, 60)).rejects.toMatchObject({ fault: 'idle' });
    answer = (_req, res) => void res.end(line(1));
    expect(await watched()).toHaveLength(1);
    expect(connections).toBe(2);
  });

  it('fails when the connection is lost in the middle', async () => {
    answer = (_req, res) => {
      res.write(line(0));
      setImmediate(() => res.destroy());
    };
    await expect(watched()).rejects.toMatchObject({ fault: 'unreachable' });
  });

  it('fails with what the server says', async () => {
    answer = (_req, res) => void res.writeHead(403).end('{"message":"pods is forbidden"}');
    await expect(watched()).rejects.toMatchObject({ fault: 'forbidden', message: '403 pods is forbidden' });
  });

  it('fails on a line that is no JSON', async () => {
    answer = (_req, res) => void res.end('{"type":\n');
    await expect(watched()).rejects.toMatchObject({ fault: 'garbled' });
  });

  it('ends with the order to stop', async () => {
    answer = (_req, res) => void res.write(line(0));
    const stop = new AbortController();
    const watching = watched(stop.signal);
    await delay(20);
    stop.abort(new Error('enough'));
    await expect(watching).rejects.toThrow('enough');
  });
});

describe('TLS', () => {
  let pair: { readonly cert: string; readonly private: string };
  let tls: Http2SecureServer;
  let versions: string[];
  beforeEach(async () => {
    const { generate } = await import('selfsigned');
    pair = await generate([{ name: 'commonName', value: 'kube' }], {
      keyType: 'ec',
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
    versions = [];
    tls = createSecureServer({ cert: pair.cert, key: pair.private, allowHTTP1: true }, (req, res) => {
      versions.push(`${req.httpVersion} ${req.headers.authorization}`);
      res.end('{}');
    });
    tls.listen(0, '127.0.0.1');
    await once(tls, 'listening');
  });
  afterEach(() => void tls.close());

  async function clientTo(cluster: object, token: string): Promise<KubernetesClient> {
    const file = join(folder, 'tls');
    const { port } = tls.address() as AddressInfo;
    const config = {
      clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${port}`, ...cluster } }],
      users: [{ name: 'u', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token } } } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(file, JSON.stringify(config));
    return new KubernetesClient(await loadKubeConfig({ KUBECONFIG: file }));
  }

  it('is checked against the authority of the kubeconfig, speaks HTTP/1.1, and sends the token of a file', async () => {
    const token = join(folder, 'token');
    await writeFile(token, 'from-a-file');
    const ca = Buffer.from(pair.cert).toString('base64');
    const trusting = await clientTo({ 'certificate-authority-data': ca }, token);
    await trusting.request({ path: '/a' });
    expect(versions).toEqual(['1.1 Bearer from-a-file']);
    await trusting.close();
    const strict = await clientTo({}, token);
    await expect(strict.request({ path: '/a' })).rejects.toMatchObject({
      fault: 'unreachable',
      message: expect.stringMatching(/self-signed certificate|unable to verify/),
    });
    expect(versions).toHaveLength(1);
    await strict.close();
  });
});
