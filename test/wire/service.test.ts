import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { Readable } from 'node:stream';
import {
  Client,
  type ClientDuplexStream,
  compressionAlgorithms,
  credentials,
  status,
  type StatusObject,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { reject } from '../../src/core/errors.ts';
import { Capacity } from '../../src/ext-proc/capacity.ts';
import { createGrpcServer } from '../../src/ext-proc/grpc-server.ts';
import { IdleWatch } from '../../src/ext-proc/idle-watch.ts';
import { listen } from '../../src/ext-proc/listener.ts';
import { externalProcessor, type ExternalProcessorOptions } from '../../src/ext-proc/service.ts';
import {
  decodeProcessingResponse,
  encodeProcessingRequest,
  EXT_PROC_PROCESS_PATH,
  type ProcessingRequest,
  type ProcessingResponse,
} from '../../src/protos/ext-proc.ts';
import { manualTimers } from '../kit/clock.ts';
import { eventually } from '../kit/eventually.ts';
import { message, PICKED, type Script, ScriptedDirector, shorten } from './support.ts';

type Call = ClientDuplexStream<Buffer, ProcessingResponse>;

const asIs = (bytes: Buffer): Buffer => bytes;

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A picker on loopback and a client of it. */
async function setUp(script?: Script, options: Partial<ExternalProcessorOptions> = {}) {
  const director = new ScriptedDirector(script);
  const ended: number[] = [];
  const logged: string[] = [];
  const log = (_details: object, text: string): void => {
    logged.push(text);
  };
  let started = 0;
  let whenEnded: (() => void) | undefined;
  const process = externalProcessor({
    director,
    log: { warn: log, error: log },
    onStreamStart: () => started++,
    onStreamEnd: (code) => {
      ended.push(code);
      whenEnded?.();
    },
    ...options,
  });
  const routes = { [EXT_PROC_PROCESS_PATH]: process };
  const listener = await listen({ server: createGrpcServer(), routes, host: '127.0.0.1', port: 0 });
  const { port } = listener;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanUps.push(() => {
    client.close();
    void listener.close();
  });
  const open = (): Call => client.makeBidiStreamRequest(EXT_PROC_PROCESS_PATH, asIs, decodeProcessingResponse);
  /** Resolves once `count` streams have ended at the server. */
  const streamsEnded = async (count = 1): Promise<void> => {
    while (ended.length < count) {
      await new Promise<void>((resolve) => {
        whenEnded = resolve;
      });
    }
  };
  return { director, port, open, ended, logged, streamsEnded, started: () => started };
}

interface Result {
  readonly answers: ProcessingResponse[];
  readonly code: status;
  readonly details: string;
}

/** Collects a call to its end. */
async function result(call: Call): Promise<Result> {
  const answers: ProcessingResponse[] = [];
  call.on('data', (answer: ProcessingResponse) => answers.push(answer));
  call.on('error', () => undefined);
  const { code, details } = await new Promise<StatusObject>((resolve) => {
    call.once('status', resolve);
  });
  return { answers, code, details };
}

const write = (call: Call, ...messages: ProcessingRequest[]): void => {
  for (const each of messages) call.write(encodeProcessingRequest(each));
};

const { requestHeaders, requestBody, responseHeaders, responseBody } = message;

describe('the ext_proc service', () => {
  it('carries a request and its response, and ends with OK', async () => {
    const { director, open, ended, streamsEnded, started } = await setUp();
    const call = open();
    write(call, requestHeaders(false), requestBody('{"a":', false), requestBody('1}', true));
    write(call, responseHeaders(false), responseBody('x', false), responseBody('y', true));
    call.end();
    const { answers, code } = await result(call);
    expect(code).toBe(status.OK);
    expect(answers.map(shorten)).toEqual([
      'request headers',
      'request body {"a":',
      'request body 1}$',
      'response headers',
      'response body x',
      'response body y$',
    ]);
    await streamsEnded();
    expect([started(), ended, director.ends, director.reservations]).toEqual([1, [status.OK], ['complete'], 0]);
  });

  it('ends with OK after a refusal, without waiting for the peer', async () => {
    const { director, open } = await setUp({
      decide: () => ({ kind: 'rejected', rejection: reject('NotFound', 'no such model'), dialect: 'none' }),
    });
    const call = open();
    write(call, requestHeaders(true));
    const { answers, code } = await result(call);
    expect(code).toBe(status.OK);
    expect(answers.map(shorten)).toEqual(['immediate 404 inference error: NotFound - no such model']);
    expect(director.ends).toEqual(['complete']);
  });

  it('carries a body of many messages whole', async () => {
    const { open } = await setUp();
    const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 253));
    const call = open();
    const done = result(call);
    write(call, requestHeaders(false));
    for (let at = 0; at < body.length; at += 500_000) {
      write(call, requestBody(body.subarray(at, at + 500_000), at + 500_000 >= body.length));
    }
    write(call, responseHeaders(true));
    call.end();
    const { answers, code } = await done;
    expect(code).toBe(status.OK);
    const pieces = answers.map((answer) => answer.requestBody?.response?.bodyMutation?.streamedResponse);
    const bytes = pieces.map((piece) => piece?.body ?? Buffer.alloc(0));
    expect(Buffer.concat(bytes).equals(body)).toBe(true);
    expect(Math.max(...bytes.map(({ length }) => length))).toBe(62_000);
    expect(pieces.filter((piece) => piece?.endOfStream === true)).toHaveLength(1);
  });

  it.each([
    ['bytes that are no message', Buffer.from('12ff', 'hex'), /^cannot decode ProcessingRequest: /],
    [
      'an impossible message',
      encodeProcessingRequest(requestBody('x', true)),
      /^unexpected request-body-end message in phase idle$/,
    ],
  ])('ends with INVALID_ARGUMENT on %s', async (_name, bytes, details) => {
    const { open, ended, streamsEnded, director } = await setUp();
    const call = open();
    call.write(bytes);
    const outcome = await result(call);
    expect(outcome.code).toBe(status.INVALID_ARGUMENT);
    expect(outcome.details).toMatch(details);
    await streamsEnded();
    expect(ended).toEqual([status.INVALID_ARGUMENT]);
    expect(director.calls).toEqual([]);
  });

  it('releases what was reserved when bytes in mid-stream are no message', async () => {
    const { open, director } = await setUp();
    const call = open();
    write(call, requestHeaders(true));
    call.write(Buffer.from('12ff', 'hex'));
    const { code, answers } = await result(call);
    expect(code).toBe(status.INVALID_ARGUMENT);
    expect(answers.map(shorten)).toEqual(['request headers']);
    expect([director.ends, director.reservations]).toEqual([['error'], 0]);
  });

  it('ends the exchange when the peer cancels', async () => {
    const { open, director, ended, streamsEnded } = await setUp();
    const call = open();
    const done = result(call);
    write(call, requestHeaders(true));
    await once(call, 'data');
    call.cancel();
    expect((await done).code).toBe(status.CANCELLED);
    await streamsEnded();
    expect(ended).toHaveLength(1);
    expect([director.ends, director.reservations]).toEqual([['client-disconnect'], 0]);
  });

  it('counts a cancel after the last answer as success', async () => {
    const { open, director, streamsEnded } = await setUp();
    const call = open();
    const done = result(call);
    write(call, requestHeaders(true), responseHeaders(true));
    await once(call, 'data');
    await once(call, 'data');
    call.cancel();
    await done;
    await streamsEnded();
    expect(director.ends).toEqual(['complete']);
  });

  it('stops reading while the peer takes no answers, and goes on when it does', async () => {
    const { port, director, streamsEnded } = await setUp();
    const peer = rawCall(port);
    const piece = Buffer.alloc(50_000, 'p');
    const count = 400;
    const messages = function* (): Generator<Buffer> {
      yield frame(requestHeaders(true));
      yield frame(responseHeaders(false));
      for (let i = 0; i < count; i++) yield frame(responseBody(piece, i === count - 1));
    };
    Readable.from(messages(), { objectMode: false }).pipe(peer);
    // Nobody reads from the peer, so its window fills up.
    await quiet(() => director.calls.length);
    expect(director.calls.length).toBeLessThan(count / 2);
    let received = 0;
    peer.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    await once(peer, 'end');
    expect(received).toBeGreaterThan(count * piece.length);
    await streamsEnded();
    expect(director.ends).toEqual(['complete']);
  });

  it('reports a throwing exchange and refuses', async () => {
    const { open, logged } = await setUp({
      decide: () => {
        throw new Error('scripted fault');
      },
    });
    const call = open();
    write(call, requestHeaders(true));
    const { answers, code } = await result(call);
    expect(code).toBe(status.OK);
    expect(answers.map(shorten)).toEqual(['immediate 500 inference error: Internal - the endpoint picker failed']);
    expect(logged).toEqual(['fault in an ext_proc stream']);
  });

  it('serves many streams at once on one connection', async () => {
    const { open, director, streamsEnded } = await setUp({ decide: async () => PICKED });
    const results = Array.from({ length: 200 }, (_, i) => {
      const call = open();
      write(call, requestHeaders(false), requestBody(`${i}`, true));
      call.once('data', () => {
        write(call, responseHeaders(true));
        call.end();
      });
      return result(call);
    });
    for (const [i, { code, answers }] of (await Promise.all(results)).entries()) {
      expect(code).toBe(status.OK);
      expect(answers.map(shorten)).toEqual(['request headers', `request body ${i}$`, 'response headers']);
    }
    await streamsEnded(200);
    expect(director.reservations).toBe(0);
  });

  it('reads a peer that compresses', async () => {
    const { port } = await setUp();
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    cleanUps.push(() => client.close());
    const call: Call = client.makeBidiStreamRequest(EXT_PROC_PROCESS_PATH, asIs, decodeProcessingResponse);
    write(call, requestHeaders(false), requestBody('{"prompt":"x"}'.repeat(100), true), responseHeaders(true));
    call.end();
    const { answers, code } = await result(call);
    expect([code, answers.length]).toEqual([status.OK, 3]);
  });

  it('ends a call at its deadline, and what was reserved with it', async () => {
    const { port, director, ended, streamsEnded } = await setUp();
    const peer = rawCall(port, { 'grpc-timeout': '50m' });
    peer.resume();
    peer.write(frame(requestHeaders(true)));
    const [trailers] = (await once(peer, 'trailers')) as [Record<string, unknown>];
    expect(trailers['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED));
    await streamsEnded();
    expect(ended).toEqual([status.DEADLINE_EXCEEDED]);
    expect([director.ends, director.reservations]).toEqual([['error'], 0]);
  });

  it.each([
    ['is longer than the limit', { maxReceiveBytes: 40 }, /^Received message larger than max \(\d+ vs 40\)$/],
    ['would be answered with a longer one than may be sent', { maxSendBytes: 40 }, /^Sent message larger than max/],
  ])('ends with RESOURCE_EXHAUSTED when a message %s', async (_name, options, details) => {
    const { open, director, ended, streamsEnded } = await setUp(undefined, options);
    const call = open();
    write(call, requestHeaders(false), requestBody('x'.repeat(100), true));
    const outcome = await result(call);
    expect(outcome.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(outcome.details).toMatch(details);
    await streamsEnded();
    expect(ended).toEqual([status.RESOURCE_EXHAUSTED]);
    expect([director.ends, director.reservations]).toEqual([['error'], 0]);
  });

  it.each([
    ['a malformed deadline', { 'grpc-timeout': 'soon' }, 200, String(status.OUT_OF_RANGE)],
    ['another method', { ':path': '/envoy.service.ext_proc.v3.ExternalProcessor/Other' }, 200, '12'],
    ['what is not gRPC', { 'content-type': 'application/json' }, 415, undefined],
  ])('answers %s', async (_name, headers, httpStatus, grpcStatus) => {
    const { port } = await setUp();
    const peer = rawCall(port, headers);
    const [answer] = (await once(peer, 'response')) as [Record<string, unknown>];
    expect([answer[':status'], answer['grpc-status']]).toEqual([httpStatus, grpcStatus]);
  });

  it('ends a stream without an answer when there are too many even for that', async () => {
    const capacity = new Capacity({ maxStreams: 1, maxHeldBodyBytes: 1000 });
    for (let i = 0; i < 2; i++) capacity.streamStarted();
    const { open, started } = await setUp(undefined, { capacity });
    const { code, details } = await result(open());
    expect([code, details]).toEqual([status.RESOURCE_EXHAUSTED, 'too many ext_proc streams; see --max-streams']);
    expect([started(), capacity.streams]).toEqual([0, 2]);
  });

  it('gives the room of a stream back when it ends', async () => {
    const capacity = new Capacity();
    const { open, streamsEnded } = await setUp(undefined, { capacity });
    const call = open();
    const done = result(call);
    write(call, requestHeaders(true));
    await once(call, 'data');
    expect(capacity.streams).toBe(1);
    call.cancel();
    await done;
    await streamsEnded();
    expect(capacity.streams).toBe(0);
  });

  it('counts a body until the peer has taken it back', async () => {
    const capacity = new Capacity();
    const { port } = await setUp(undefined, { capacity });
    const peer = rawCall(port);
    const piece = Buffer.alloc(50_000, 'p');
    const count = 40;
    peer.write(frame(requestHeaders(false)));
    for (let i = 0; i < count; i++) peer.write(frame(requestBody(piece, i === count - 1)));
    // Nobody reads from the peer, so most of the body waits.
    await quiet(() => capacity.heldBodyBytes);
    expect(capacity.heldBodyBytes).toBe(count * piece.length);
    peer.resume();
    await eventually('the body is out', () => capacity.heldBodyBytes === 0);
  });

  it('ends a stream on which nothing happens, and releases what it held', async () => {
    const timers = manualTimers();
    let found = 0;
    const { open, director, ended, streamsEnded } = await setUp(undefined, {
      idle: new IdleWatch(8000, timers),
      onStreamIdle: () => found++,
    });
    const call = open();
    const done = result(call);
    write(call, requestHeaders(true));
    await once(call, 'data');
    expect(director.reservations).toBe(1);
    for (let tick = 0; tick < 9; tick++) timers.advance(1000);
    const { code, details } = await done;
    expect([code, details]).toEqual([status.DEADLINE_EXCEEDED, 'no message for 8 s; see --stream-idle-timeout']);
    await streamsEnded();
    expect([found, ended, director.ends, director.reservations]).toEqual([1, [status.DEADLINE_EXCEEDED], ['error'], 0]);
  });

  it('resets a stream whose peer takes nothing for so long', async () => {
    const timers = manualTimers();
    const capacity = new Capacity();
    const { port, director, streamsEnded } = await setUp(undefined, { capacity, idle: new IdleWatch(8000, timers) });
    const peer = rawCall(port);
    const piece = Buffer.alloc(50_000, 'p');
    peer.write(frame(requestHeaders(false)));
    for (let i = 0; i < 40; i++) peer.write(frame(requestBody(piece, i === 39)));
    await quiet(() => capacity.heldBodyBytes);
    expect(director.reservations).toBe(1);
    for (let tick = 0; tick < 9; tick++) timers.advance(1000);
    await streamsEnded();
    expect([director.ends, director.reservations, capacity.heldBodyBytes, capacity.streams]).toEqual([
      ['error'],
      0,
      0,
      0,
    ]);
  });
});

/** A call without a gRPC library on this side; it reads only when told to. */
function rawCall(port: number, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  const session = connect(`http://127.0.0.1:${port}`);
  cleanUps.push(() => session.destroy());
  session.on('error', () => undefined);
  const peer = session.request({
    ':method': 'POST',
    ':path': EXT_PROC_PROCESS_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  peer.on('error', () => undefined);
  return peer;
}

/** A message as gRPC frames it: uncompressed, length, bytes. */
function frame(each: ProcessingRequest): Buffer {
  const bytes = encodeProcessingRequest(each);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Waits until a number has stopped changing for 20 turns of the event loop in a row, at most 10,000 turns. */
async function quiet(read: () => number): Promise<void> {
  let last = -1;
  for (let turn = 0, still = 0; turn < 10_000 && still < 20; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    still = read() === last && last > 0 ? still + 1 : 0;
    last = read();
  }
}
