import { once } from 'node:events';
import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  type ClientDuplexStream,
  type ServerDuplexStream,
  Client,
  credentials,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../core/errors.ts';
import {
  Flag,
  type Frame,
  FrameType,
  frameBytes,
  framesOf,
  headersFrame,
  ISTIO_AUTHORITY,
  PREFACE,
  SETTINGS,
} from './authority/http2-bytes.testing.ts';
import { type Certificate, selfSignedCertificate } from './certificate.ts';
import { listen, type ListenOptions, type Listener } from './listener.ts';

const METHOD = '/test.Echo/Stream';
const same = (bytes: Buffer): Buffer => bytes;
/** Longer than a test may take: what resolves did so for another reason. */
const LONG_MS = 60_000;
const LEGAL_AUTHORITY = 'epp.llm.svc:9002';
const PORTS = ['cleartext', 'TLS'] as const;

let pair: Certificate;
beforeAll(async () => {
  pair = await selfSignedCertificate();
});

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Rig {
  readonly listener: Listener;
  readonly server: Server;
  /** Streams that reached the service. */
  readonly streams: () => number;
}

async function rig(options: Partial<ListenOptions> = {}): Promise<Rig> {
  let streams = 0;
  const server = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': -1 });
  server.addService(
    {
      stream: {
        path: METHOD,
        requestStream: true,
        responseStream: true,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    {
      stream: (duplex: ServerDuplexStream<Buffer, Buffer>) => {
        streams++;
        duplex.on('data', (received: Buffer) => duplex.write(received));
        duplex.on('end', () => duplex.end());
        duplex.on('error', () => {});
      },
    },
  );
  const listener = await listen({ server, host: '127.0.0.1', port: 0, ...options });
  cleanups.push(async () => {
    await listener.close();
    server.forceShutdown();
  });
  return { listener, server, streams: () => streams };
}

const tlsOptions = (port: (typeof PORTS)[number]): Partial<ListenOptions> => (port === 'TLS' ? { tls: pair } : {});

async function client(listener: Listener, port: (typeof PORTS)[number]): Promise<ClientHttp2Session> {
  const url = `${port === 'TLS' ? 'https' : 'http'}://127.0.0.1:${listener.port}`;
  const session = connectHttp2(url, { rejectUnauthorized: false });
  session.on('error', () => {});
  cleanups.push(() => session.destroy());
  await once(session, 'connect');
  return session;
}

function open(session: ClientHttp2Session, authority: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': METHOD,
    ':authority': authority,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
}

function message(body: string): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.writeUInt32BE(body.length, 1);
  bytes.write(body, 5, 'latin1');
  return bytes;
}

/** The gRPC status of a finished call. */
async function finish(stream: ClientHttp2Stream): Promise<string> {
  stream.resume();
  stream.end();
  const [trailers] = (await once(stream, 'trailers')) as [IncomingHttpHeaders];
  return String(trailers['grpc-status']);
}

async function call(session: ClientHttp2Session, authority: string, headers?: Record<string, string>): Promise<string> {
  const stream = open(session, authority, headers);
  stream.write(message('hello'));
  return finish(stream);
}

function tcp(listener: Listener): Socket {
  const socket = connect(listener.port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => void socket.destroy());
  return socket;
}

interface RawClient {
  readonly socket: Socket;
  /** The next frame of the server that fits; those before it are passed over. */
  until(fits: (frame: Frame) => boolean): Promise<Frame>;
}

/** A client that sends nothing by itself. */
async function raw(listener: Listener, port: (typeof PORTS)[number]): Promise<RawClient> {
  const to = { port: listener.port, host: '127.0.0.1', noDelay: true };
  const socket = port === 'TLS' ? connectTls({ ...to, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : connect(to);
  cleanups.push(() => void socket.destroy());
  await once(socket, port === 'TLS' ? 'secureConnect' : 'connect');
  let received = Buffer.alloc(0);
  let arrived = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    arrived();
  });
  const next = async (): Promise<Frame> => {
    for (;;) {
      const [frame] = framesOf(received, 0);
      if (frame !== undefined) {
        received = received.subarray(frameBytes(frame).length);
        return frame;
      }
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  return {
    socket,
    until: async (fits) => {
      for (;;) {
        const frame = await next();
        if (fits(frame)) return frame;
      }
    },
  };
}

/** A whole call with the authority of Istio, every header literal. */
function request(stream: number): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const block = [
    Buffer.from([0x83, 0x86, 0x04]),
    text(METHOD),
    Buffer.from([0x01]),
    text(ISTIO_AUTHORITY),
    Buffer.from([0x00]),
    text('content-type'),
    text('application/grpc'),
  ];
  return headersFrame(stream, Buffer.concat(block));
}

/** `once` would reject on the error that often goes before. */
function closed(socket: Socket | ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('http2 without the listener', () => {
  it('refuses the authority, which is why the listener is there', async () => {
    const { server, streams } = await rig();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const session = await client({ port } as Listener, 'cleartext');
    expect(await call(session, LEGAL_AUTHORITY)).toBe('0');
    const stream = open(session, ISTIO_AUTHORITY);
    await expect(once(stream, 'response')).rejects.toThrow('NGHTTP2_PROTOCOL_ERROR');
    expect(streams()).toBe(1);
  });
});

describe.each(PORTS)('listen, %s', (port) => {
  it('serves thousands of calls on a connection, each with |, while the header table evicts', async () => {
    const { listener, streams } = await rig(tlsOptions(port));
    const session = await client(listener, port);
    const calls = 6000;
    const batch = 50;
    for (let done = 0; done < calls; done += batch) {
      // Six such headers fill the table, so the authority is sent in full again and again.
      const statuses = Array.from({ length: batch }, (_, i) =>
        call(session, ISTIO_AUTHORITY, { 'x-fill': `${done + i}|`.repeat(100) }),
      );
      expect(new Set(await Promise.all(statuses))).toEqual(new Set(['0']));
    }
    expect(streams()).toBe(calls);
  });

  it.each([LEGAL_AUTHORITY, ISTIO_AUTHORITY])(
    'serves a gRPC client, which waits for settings first (%s)',
    async (authority) => {
      const { listener } = await rig(tlsOptions(port));
      const insecure = { rejectUnauthorized: false };
      const channel = port === 'TLS' ? credentials.createSsl(null, null, null, insecure) : credentials.createInsecure();
      const grpc = new Client(`127.0.0.1:${listener.port}`, channel, {
        'grpc.default_authority': authority,
        'grpc.ssl_target_name_override': 'epp.llm.svc',
      });
      cleanups.push(() => grpc.close());
      const stream: ClientDuplexStream<Buffer, Buffer> = grpc.makeBidiStreamRequest(METHOD, same, same);
      for (const text of ['one', 'two', 'three']) {
        stream.write(Buffer.from(text));
        expect(String((await once(stream, 'data'))[0])).toBe(text);
      }
      stream.end();
      const [status] = (await once(stream, 'status')) as [{ code: number }];
      expect(status.code).toBe(0);
    },
  );

  it.each([LEGAL_AUTHORITY, ISTIO_AUTHORITY])(
    'carries bodies larger than every window both ways (%s)',
    async (authority) => {
      const { listener } = await rig(tlsOptions(port));
      const stream = open(await client(listener, port), authority);
      const sent = message('x'.repeat(10 * 1024 * 1024));
      stream.end(sent);
      const received: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => received.push(chunk));
      await once(stream, 'end');
      expect(Buffer.concat(received).equals(sent)).toBe(true);
    },
  );

  it('serves a request that comes byte by byte', async () => {
    const { listener, streams } = await rig({ ...tlsOptions(port), peekTimeoutMs: LONG_MS });
    const wire = await raw(listener, port);
    const bytes = Buffer.concat([PREFACE, SETTINGS, request(1)]);
    for (const byte of bytes) {
      await new Promise<void>((resolve) => wire.socket.write(Buffer.from([byte]), () => setImmediate(resolve)));
    }
    await wire.until((frame) => frame.type === FrameType.headers);
    expect(streams()).toBe(1);
  });

  it('outlives garbage, half a handshake and resets', async () => {
    const { listener } = await rig({ ...tlsOptions(port), peekTimeoutMs: 1 });
    const attacks: ((socket: Socket) => void)[] = [
      (socket) => socket.end('GET / HTTP/1.1\r\nhost: a|b\r\n\r\n'),
      (socket) => socket.end(Buffer.alloc(100_000, '|')),
      (socket) =>
        socket.end(
          Buffer.concat([
            PREFACE,
            SETTINGS,
            frameBytes({ type: 1, flags: 4, stream: 1, payload: Buffer.from([0x80]) }),
          ]),
        ),
      (socket) => socket.end(Buffer.from('16030100', 'hex')),
      (socket) => void socket.write(PREFACE.subarray(0, 10), () => socket.resetAndDestroy()),
      (socket) => void socket.resetAndDestroy(),
      (socket) => socket.end(),
    ];
    await Promise.all(
      attacks.map(async (attack) => {
        const socket = tcp(listener);
        await once(socket, 'connect');
        const gone = closed(socket);
        socket.resume();
        attack(socket);
        await gone;
      }),
    );
    expect(await call(await client(listener, port), ISTIO_AUTHORITY)).toBe('0');
  });

  it('closes connections over the limit, and takes one again when one went', async () => {
    const warnings: string[] = [];
    const log = { debug: () => {}, warn: (_fields: object, text: string) => void warnings.push(text) };
    const { listener } = await rig({ ...tlsOptions(port), maxConnections: 2, log });
    const [first] = [await client(listener, port), await client(listener, port)];
    const refused = tcp(listener);
    refused.resume();
    await closed(refused);
    expect(warnings).toHaveLength(1);
    first.destroy();
    await until(() => listener.connections() === 1);
    expect(await call(await client(listener, port), ISTIO_AUTHORITY)).toBe('0');
  });

  it('frees the port when told to stop accepting, and serves new streams of old connections', async () => {
    const { listener } = await rig(tlsOptions(port));
    const session = await client(listener, port);
    expect(await call(session, ISTIO_AUTHORITY)).toBe('0');
    listener.stopAccepting();
    const late = tcp(listener);
    await closed(late);
    expect(late.errored).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await call(session, ISTIO_AUTHORITY)).toBe('0');
  });

  it.each([LEGAL_AUTHORITY, ISTIO_AUTHORITY])(
    'drains: streams under way end well, then the connection closes (%s)',
    async (authority) => {
      const { listener } = await rig(tlsOptions(port));
      const session = await client(listener, port);
      const stream = open(session, authority);
      stream.write(message('before'));
      await once(stream, 'data');
      const goaway = once(session, 'goaway');
      const drained = listener.drain(LONG_MS);
      await goaway;
      stream.write(message('after'));
      expect(String((await once(stream, 'data'))[0])).toContain('after');
      expect(await finish(stream)).toBe('0');
      await drained;
      expect(listener.connections()).toBe(0);
    },
  );

  it('drains: serves streams that a client sent before it was told', async () => {
    const { listener, streams } = await rig(tlsOptions(port));
    const wire = await raw(listener, port);
    wire.socket.write(Buffer.concat([PREFACE, SETTINGS, request(1)]));
    await wire.until((frame) => frame.type === FrameType.headers && frame.stream === 1);
    const drained = listener.drain(LONG_MS);
    const notice = await wire.until((frame) => frame.type === FrameType.goaway);
    expect(notice.payload.readUInt32BE(0)).toBe(0x7fff_ffff);
    const ping = await wire.until((frame) => frame.type === FrameType.ping);
    // As if sent before the notice was read: the answer to the ping comes after it.
    wire.socket.write(Buffer.concat([request(3), frameBytes({ ...ping, flags: Flag.ack })]));
    await wire.until((frame) => frame.type === FrameType.headers && frame.stream === 3);
    const last = await wire.until((frame) => frame.type === FrameType.goaway);
    expect(last.payload.readUInt32BE(0)).toBe(3);
    wire.socket.end();
    await drained;
    expect(streams()).toBe(2);
  });

  it('drains: cuts off what does not end', async () => {
    const { listener } = await rig(tlsOptions(port));
    const stream = open(await client(listener, port), ISTIO_AUTHORITY);
    stream.on('error', () => {});
    stream.write(message('x'));
    await once(stream, 'data');
    const gone = closed(stream);
    await listener.drain(20);
    await gone;
    expect(listener.connections()).toBe(0);
  });

  it('drains: does not wait for connections that never said anything', async () => {
    const { listener } = await rig({ ...tlsOptions(port), peekTimeoutMs: LONG_MS });
    const socket = tcp(listener);
    socket.resume();
    await until(() => listener.connections() === 1);
    const gone = closed(socket);
    await listener.drain(20);
    await gone;
  });

  it('closes at once when not told otherwise, also in the middle of a drain', async () => {
    const { listener } = await rig(tlsOptions(port));
    const stream = open(await client(listener, port), ISTIO_AUTHORITY);
    stream.on('error', () => {});
    stream.write(message('x'));
    await once(stream, 'data');
    const drained = listener.drain(LONG_MS);
    await listener.close();
    await drained;
    expect(listener.connections()).toBe(0);
  });

  it('names the port that is taken', async () => {
    const { listener, server } = await rig(tlsOptions(port));
    const second = listen({ server, host: '127.0.0.1', port: listener.port, ...tlsOptions(port) });
    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1 port ${listener.port}: listen EADDRINUSE`);
  });
});

describe('listen with TLS', () => {
  it('serves another certificate from now on, and keeps the connections there are', async () => {
    const { listener } = await rig({ tls: pair });
    const before = await client(listener, 'TLS');
    const stream = open(before, ISTIO_AUTHORITY);
    stream.write(message('x'));
    await once(stream, 'data');
    const next = await selfSignedCertificate();
    const fingerprint = (session: ClientHttp2Session): string =>
      (session.socket as TLSSocket).getPeerX509Certificate()!.toString().trim();
    listener.setSecureContext(next);
    expect(fingerprint(await client(listener, 'TLS'))).toBe(next.cert.trim());
    expect(fingerprint(before)).toBe(pair.cert.trim());
    expect(await finish(stream)).toBe('0');
  });

  it('keeps the old certificate when the new pair does not fit', async () => {
    const { listener } = await rig({ tls: pair });
    const other = await selfSignedCertificate();
    expect(() => listener.setSecureContext({ cert: other.cert, key: pair.key })).toThrow(ConfigError);
    expect(await call(await client(listener, 'TLS'), ISTIO_AUTHORITY)).toBe('0');
  });

  it('refuses a pair that does not fit, and a certificate for a cleartext port', async () => {
    const { listener, server } = await rig();
    await expect(listen({ server, host: '127.0.0.1', port: 0, tls: { cert: 'x', key: 'y' } })).rejects.toThrow(
      'unusable TLS settings',
    );
    expect(() => listener.setSecureContext(pair)).toThrow('no certificate to replace');
  });

  it('takes the suites it is told, and refuses one that does not exist', async () => {
    const { server } = await rig({ tls: { ...pair, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', minVersion: 'TLSv1.2' } });
    const unknown = listen({ server, host: '127.0.0.1', port: 0, tls: { ...pair, ciphers: 'NO-SUCH-SUITE' } });
    await expect(unknown).rejects.toThrow(ConfigError);
  });

  it('holds to the oldest version allowed, also after another certificate came', async () => {
    const { listener } = await rig({ tls: { ...pair, minVersion: 'TLSv1.3' } });
    listener.setSecureContext(await selfSignedCertificate());
    const shake = async (maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<string> => {
      const socket = connectTls({
        port: listener.port,
        host: '127.0.0.1',
        ALPNProtocols: ['h2'],
        rejectUnauthorized: false,
        maxVersion,
      });
      cleanups.push(() => void socket.destroy());
      return once(socket, 'secureConnect').then(
        () => 'accepted',
        () => 'refused',
      );
    };
    expect([await shake('TLSv1.3'), await shake('TLSv1.2')]).toEqual(['accepted', 'refused']);
  });

  it('cuts off a handshake that takes too long', async () => {
    const { listener } = await rig({ tls: pair, handshakeTimeoutMs: 20 });
    const socket = tcp(listener);
    socket.resume();
    await closed(socket);
    await until(() => listener.connections() === 0);
  });

  it('serves HTTP/2 to nobody who did not ask for it', async () => {
    const { listener, streams } = await rig({ tls: pair });
    const socket = connectTls({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false });
    cleanups.push(() => void socket.destroy());
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('Missing ALPN Protocol');
    expect(streams()).toBe(0);
  });
});

describe('windows', () => {
  it.each([LEGAL_AUTHORITY, ISTIO_AUTHORITY])(
    'let a client send a long prompt without waiting (%s)',
    async (authority) => {
      const { listener } = await rig();
      const session = await client(listener, 'cleartext');
      expect(await call(session, authority)).toBe('0');
      await until(() => session.remoteSettings.initialWindowSize === 1024 * 1024);
      await until(() => (session.state.remoteWindowSize ?? 0) >= 7 * 1024 * 1024);
    },
  );
});

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('did not come true');
}
