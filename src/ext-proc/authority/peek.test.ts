import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { Flag, frameBytes, FrameType, headersFrame, PREFACE, SETTINGS } from './http2-bytes.testing.ts';
import { peekAuthority, type Peek } from './peek.ts';
import { RewritingConnection } from './rewriting-connection.ts';

const LEGAL = headersFrame(1, Buffer.from('4103612b62', 'hex'));
const PIPED = headersFrame(3, Buffer.from('4103617c62', 'hex'));
const START = Buffer.concat([PREFACE, SETTINGS]);
/** Far longer than any test: a decision before it was made for another reason. */
const NEVER_MS = 2 ** 30;

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

interface Peeked {
  readonly client: Socket;
  readonly server: Socket;
  readonly peek: Peek;
  readonly outcome: Promise<Duplex | undefined>;
  readonly outcomes: () => number;
}

async function peeked(options: { timeoutMs?: number; maxBytes?: number } = {}): Promise<Peeked> {
  const listening = createServer().listen(0, '127.0.0.1');
  servers.push(listening);
  await once(listening, 'listening');
  const client = connect((listening.address() as AddressInfo).port, '127.0.0.1');
  const [server] = (await once(listening, 'connection')) as [Socket];
  sockets.push(client, server);
  client.on('error', () => {});
  server.on('error', () => {});
  let outcomes = 0;
  const { promise, resolve } = Promise.withResolvers<Duplex | undefined>();
  const limits = { timeoutMs: options.timeoutMs ?? NEVER_MS, maxBytes: options.maxBytes ?? 65_536 };
  const peek = peekAuthority(server, limits, (connection) => {
    outcomes++;
    resolve(connection);
  });
  return { client, server, peek, outcome: promise, outcomes: () => outcomes };
}

async function read(from: Duplex, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let length = 0; length < bytes;) {
    const [chunk] = (await once(from, 'data')) as [Buffer];
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

describe('peekAuthority', () => {
  it('gives back the socket itself, with every byte in it, when the authority is legal', async () => {
    const { client, server, outcome } = await peeked();
    const sent = Buffer.concat([
      START,
      LEGAL,
      frameBytes({ type: FrameType.data, flags: 0, stream: 1, payload: Buffer.from('|||') }),
    ]);
    client.write(sent);
    expect(await outcome).toBe(server);
    expect(await read(server, sent.length)).toEqual(sent);
  });

  it('waits for the whole header block, however it is cut', async () => {
    const { client, server, outcome, outcomes } = await peeked();
    client.setNoDelay(true);
    const sent = Buffer.concat([START, LEGAL]);
    for (const byte of sent.subarray(0, -1)) {
      client.write(Buffer.from([byte]));
      await once(server, 'readable');
    }
    expect(outcomes()).toBe(0);
    client.write(sent.subarray(-1));
    expect(await outcome).toBe(server);
    expect(await read(server, sent.length)).toEqual(sent);
  });

  it('keeps rewriting a connection whose authority holds |', async () => {
    const { client, outcome } = await peeked();
    client.write(Buffer.concat([START, PIPED]));
    const connection = await outcome;
    expect(connection).toBeInstanceOf(RewritingConnection);
    const first = await read(connection!, START.length + PIPED.length);
    expect(first.subarray(-3).toString()).toBe('a+b');
    client.write(PIPED);
    expect((await read(connection!, PIPED.length)).subarray(-3).toString()).toBe('a+b');
  });

  it('passes what is not HTTP/2 on untouched', async () => {
    const { client, server, outcome } = await peeked();
    const sent = Buffer.from('GET / HTTP/1.1\r\nhost: a|b\r\n\r\n');
    client.write(sent);
    expect(await outcome).toBe(server);
    expect(await read(server, sent.length)).toEqual(sent);
  });

  it('rewrites after the time limit, for a client that waits for settings before its first request', async () => {
    const { client, outcome } = await peeked({ timeoutMs: 1 });
    client.write(START);
    const connection = await outcome;
    expect(connection).toBeInstanceOf(RewritingConnection);
    expect(await read(connection!, START.length)).toEqual(START);
    client.write(PIPED);
    expect((await read(connection!, PIPED.length)).subarray(-3).toString()).toBe('a+b');
  });

  it('reads as many bytes as allowed, and rewrites from there on', async () => {
    const open = frameBytes({
      type: FrameType.headers,
      flags: Flag.endStream,
      stream: 1,
      payload: Buffer.from([0x83]),
    });
    const { client, server, outcome, outcomes } = await peeked({ maxBytes: START.length + open.length });
    client.write(Buffer.concat([START, open]));
    await once(server, 'readable');
    expect(outcomes()).toBe(0);
    client.write(Buffer.from([0]));
    expect(await outcome).toBeInstanceOf(RewritingConnection);
  });

  it('decides at once when told to', async () => {
    const { peek, outcome, outcomes } = await peeked();
    peek.settle();
    expect(await outcome).toBeInstanceOf(RewritingConnection);
    peek.settle();
    expect(outcomes()).toBe(1);
  });

  it.each(['end', 'resetAndDestroy'] as const)(
    'has no connection to give when the client goes first (%s)',
    async (leave) => {
      const { client, server, outcome } = await peeked();
      client.write(START);
      await once(server, 'readable');
      client[leave]();
      expect(await outcome).toBeUndefined();
      expect(server.destroyed).toBe(true);
    },
  );

  it('leaves no listener on a socket it gives back', async () => {
    const { client, server, outcome } = await peeked();
    client.write(Buffer.concat([START, LEGAL]));
    await outcome;
    for (const event of ['readable', 'data', 'close']) expect(server.listenerCount(event)).toBe(0);
  });
});

describe('RewritingConnection', () => {
  it('hands the bytes on that it kept back when the client stops', async () => {
    const { client, peek, outcome } = await peeked();
    const undecided = frameBytes({
      type: FrameType.headers,
      flags: 0,
      stream: 1,
      payload: Buffer.from('418600000003fe', 'hex'),
    });
    peek.settle();
    const connection = (await outcome)!;
    const chunks: Buffer[] = [];
    connection.on('data', (chunk: Buffer) => chunks.push(chunk));
    client.end(Buffer.concat([START, undecided]));
    await once(connection, 'end');
    expect(Buffer.concat(chunks)).toEqual(Buffer.concat([START, undecided]));
  });

  it('stops reading while nobody reads it, and loses nothing', async () => {
    const { client, server, peek, outcome } = await peeked();
    peek.settle();
    const connection = (await outcome)!;
    const body = frameBytes({ type: FrameType.data, flags: 0, stream: 1, payload: Buffer.alloc(8 * 1024 * 1024, 'x') });
    client.write(START);
    client.end(body);
    await once(server, 'pause');
    expect(connection.readableLength).toBeLessThan(1024 * 1024);
    const chunks: Buffer[] = [];
    connection.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(connection, 'end');
    expect(Buffer.concat(chunks).equals(Buffer.concat([START, body]))).toBe(true);
  });

  it('writes in order, and ends the socket after the last byte', async () => {
    const { client, peek, outcome } = await peeked();
    peek.settle();
    const connection = (await outcome)!;
    connection.cork();
    connection.write('a');
    connection.write('b');
    connection.write('c');
    connection.uncork();
    connection.end('d');
    const chunks: Buffer[] = [];
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(client, 'end');
    expect(Buffer.concat(chunks).toString()).toBe('abcd');
  });

  it('closes without an error event when the connection is lost', async () => {
    const { client, peek, outcome } = await peeked();
    peek.settle();
    const connection = (await outcome)!;
    connection.resume();
    client.resetAndDestroy();
    await once(connection, 'close');
    expect(connection.errored).toBeNull();
  });

  it('closes the socket with it', async () => {
    const { server, peek, outcome } = await peeked();
    peek.settle();
    (await outcome)!.destroy();
    expect(server.destroyed).toBe(true);
  });
});
