import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { type FetchSettings, pageFetcher, type PageConnection } from './fetch-page.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an address with a port
  return (server.address() as AddressInfo).port;
}

const http = async (listener: RequestListener): Promise<number> => await listen(createHttpServer(listener));

function open(
  port: number,
  settings: Partial<FetchSettings> = {},
  host = '127.0.0.1',
  path = '/metrics',
): PageConnection {
  const connection = pageFetcher({ tls: undefined, ...settings }).open(host, port, path);
  cleanups.push(() => connection.close());
  return connection;
}

/** The page, or `fault: message`. */
async function get(connection: PageConnection): Promise<string> {
  return await new Promise((resolve) => {
    connection.get({
      page: (bytes) => resolve(Buffer.from(bytes).toString()),
      failed: (fault, message) => resolve(`${fault}: ${message}`),
    });
  });
}

describe('http', () => {
  it('gets pages over one connection, whatever their framing', async () => {
    const ports = new Set<number | undefined>();
    const long = 'm 1\n'.repeat(100_000);
    const pages = ['short\n', long, '', 'chunked\n'];
    const port = await http((request, response) => {
      ports.add(request.socket.remotePort);
      expect(request.headers).toMatchObject({ host: `127.0.0.1:${port}`, 'accept-encoding': 'identity' });
      expect(request.url).toBe('/stats?x=1');
      const page = pages[asked++];
      if (page === 'chunked\n') {
        response.write(page);
        response.end(page);
      } else {
        response.setHeader('content-length', page.length).end(page);
      }
    });
    let asked = 0;
    const connection = open(port, {}, '127.0.0.1', '/stats?x=1');
    for (const page of pages) expect(await get(connection)).toBe(page === 'chunked\n' ? page + page : page);
    expect(ports.size).toBe(1);
  });

  it('keeps pages apart that come by turns', async () => {
    const rest: (() => void)[] = [];
    const bothBegun = Promise.withResolvers<undefined>();
    const port = await http(({ url }, response) => {
      response.setHeader('content-length', 8).write(url === '/slow' ? 'aaaa' : 'bbbb');
      if (url === '/slow') rest.push(() => response.end('AAAA'));
      else response.end('BBBB');
      if (rest.length === 2) bothBegun.resolve(undefined);
    });
    const fetcher = pageFetcher({ tls: undefined });
    const connections = ['/slow', '/slow', '/quick'].map((path) => fetcher.open('127.0.0.1', port, path));
    cleanups.push(...connections.map((connection) => () => connection.close()));
    const slow = connections.slice(0, 2).map(get);
    await bothBegun.promise;
    expect(await get(connections[2])).toBe('bbbbBBBB');
    expect(await get(connections[2])).toBe('bbbbBBBB');
    for (const end of rest) end();
    expect(await Promise.all(slow)).toEqual(['aaaaAAAA', 'aaaaAAAA']);
  });

  it('tells faults apart, and works again after each', async () => {
    const answers: RequestListener[] = [
      (_, response) => response.writeHead(500).end('no'),
      (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      (_, response) => response.end('x'.repeat(11)),
      (_, response) => response.writeHead(200, { 'content-length': 11 }).end('x'.repeat(11)),
      (request) => request.socket.destroy(),
      (request) => request.socket.end('hello\r\n\r\n'),
      (_, response) => response.end('0123456789'),
    ];
    const port = await http((request, response) => answers.shift()?.(request, response));
    const connection = open(port, { maxPageBytes: 10 });
    expect(await get(connection)).toBe('status: HTTP status 500');
    expect(await get(connection)).toBe('status: HTTP status 302');
    expect(await get(connection)).toBe('too-large: page is larger than 10 bytes');
    expect(await get(connection)).toBe('too-large: page is larger than 10 bytes');
    expect(await get(connection)).toMatch(/^connect: /);
    expect(await get(connection)).toBe('malformed: the answer is not HTTP/1.x');
    expect(await get(connection)).toBe('0123456789');
  });

  it('says when nobody listens, and when an address cannot be one', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    expect(await get(open(port))).toMatch(/^connect: .*ECONNREFUSED/);
    expect(await get(open(70_000))).toMatch(/^connect: /);
    expect(await get(open(1, {}, 'no such host.invalid'))).toMatch(/^connect: /);
  });

  it('asks again at once when the server had closed the idle connection, but not for ever', async () => {
    let requests = 0;
    const port = await listen(
      createTcpServer((socket) => {
        socket.on('data', () => {
          requests++;
          // Answers the first request of each connection, and hangs up on the second.
          if (socket.bytesWritten === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na');
          else socket.destroy();
        });
      }),
    );
    const connection = open(port);
    expect([await get(connection), await get(connection), await get(connection)]).toEqual(['a', 'a', 'a']);
    expect(requests).toBe(5);

    const deaf = await listen(createTcpServer((socket) => socket.on('data', () => socket.destroy())));
    expect(await get(open(deaf))).toMatch(/^connect: /);
  });

  it('reads a page that ends with the connection', async () => {
    const port = await listen(
      createTcpServer((socket) => socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nm 1\n'))),
    );
    const connection = open(port);
    expect([await get(connection), await get(connection)]).toEqual(['m 1\n', 'm 1\n']);
  });

  it('calls nobody after close, and can be used again', async () => {
    let hang = true;
    const port = await http((_, response) => {
      if (hang) asked();
      else response.end('late');
    });
    let asked = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const connection = open(port);
    const unexpected = (): never => {
      throw new Error('called after close');
    };
    connection.get({ page: unexpected, failed: unexpected });
    await waiting;
    connection.close();
    hang = false;
    expect(await get(connection)).toBe('late');
  });
});

describe('https', () => {
  it('accepts any certificate unless told to verify, and presents its own', async () => {
    const pem = await generate([{ name: 'commonName', value: 'server' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const options = { cert: pem.cert, key: pem.private, requestCert: true, rejectUnauthorized: false };
    const port = await listen(
      createHttpsServer(options, (request, response) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an https request comes over a TLS socket
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        response.end(`hello ${String(subject?.CN)}`);
      }),
    );
    const anyone = createSecureContext({});
    expect(await get(open(port, { tls: { context: anyone, verify: false } }))).toBe('hello undefined');
    expect(await get(open(port, { tls: { context: anyone, verify: true } }))).toMatch(/^connect: .*self-signed/);
    const known = createSecureContext({ ca: pem.cert, cert: pem.cert, key: pem.private });
    expect(await get(open(port, { tls: { context: known, verify: true } }))).toBe('hello server');
    const name = await get(open(port, { tls: { context: known, verify: true } }, 'localhost'));
    expect(name).toMatch(/^connect: /);
  });
});
