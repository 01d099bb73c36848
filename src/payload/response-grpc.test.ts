import { Writer } from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import type { GrpcDialect } from '../core/request.ts';
import { MAX_MESSAGE_BYTES } from './response-grpc.ts';
import { createResponseReader } from './create-response-reader.ts';
import type { ResponseReader } from './response-reader.ts';
import type { Usage } from '../core/usage.ts';

const BYTES = 2;

const frame = (message: Uint8Array, flags = 0): Buffer => {
  const header = Buffer.alloc(5);
  header[0] = flags;
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};
const bytes = (field: number, value: Uint8Array | string): Uint8Array =>
  Writer.create()
    .uint32(field * 8 + BYTES)
    .bytes(Buffer.from(value))
    .finish();
const counts = (fields: Readonly<Record<number, number>>): Uint8Array => {
  const writer = Writer.create();
  for (const [field, count] of Object.entries(fields)) writer.uint32(Number(field) * 8).uint32(count);
  return writer.finish();
};
const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

const IDS = bytes(1, Buffer.from([1, 0xac, 0x02, 0x20]));
const chunk = (prompt: number, completion: number): Uint8Array =>
  bytes(1, join(IDS, counts({ 2: prompt, 3: completion, 4: 3 })));
const complete = (prompt: number, completion: number): Uint8Array =>
  bytes(2, join(IDS, bytes(2, 'stop'), counts({ 3: prompt, 4: completion, 5: 4 })));
/** GenerateResponses of a stream whose middle one is compressed and whose last but one is empty. */
const STREAM = join(
  frame(chunk(7, 1)),
  frame(chunk(7, 300)),
  frame(complete(99, 99), 1),
  frame(new Uint8Array(0)),
  frame(complete(7, 301)),
);
const STREAM_USAGE = { promptTokens: 7, completionTokens: 301, cachedTokens: 4 };

function reader(dialect: GrpcDialect): ResponseReader {
  const made = createResponseReader(dialect, 'application/grpc');
  if (made === undefined) throw new Error('no reader');
  return made;
}

function usageOf(dialect: GrpcDialect, ...pieces: readonly Uint8Array[]): Usage | undefined {
  const read = reader(dialect);
  for (const piece of pieces) read.push(piece);
  read.finish();
  return read.usage;
}

const httpBody = (data: string): Buffer => frame(join(bytes(1, 'application/json'), bytes(2, data)));
/** The data as the messages of a body whose cuts have nothing to do with the lines in it. */
const inMessages = (data: string): Buffer => join(httpBody(data.slice(0, 30)), httpBody(data.slice(30)));
const EVENTS = 'data: {"choices":[]}\n\ndata: {"usage":{"prompt_tokens":7,"completion_tokens":10}}\n\ndata: [DONE]\n\n';
const COMPLETED =
  'data: {"type":"response.in_progress","response":{"usage":{"input_tokens":1}}}\n\n' +
  'data: {"type":"response.completed","response":{"usage":{"input_tokens":12,"output_tokens":5}}}\n\n';

/** Floats whose bytes read as a chunk's counts, so that only the method can tell the messages apart. */
const EMBEDDING = join(bytes(1, counts({ 2: 5, 3: 6 })), counts({ 2: 9, 3: 1 }));

const SAMPLES: readonly (readonly [name: string, GrpcDialect, body: Buffer, Usage])[] = [
  ['a stream of vLLM', 'vllm-grpc', STREAM, STREAM_USAGE],
  ['an embedding', 'vllm-grpc-embed', frame(EMBEDDING), { promptTokens: 9 }],
  ['a chat of Vertex AI', 'vertex-chat', httpBody('{"usage":{"prompt_tokens":7}}'), { promptTokens: 7 }],
  ['a streamed chat', 'vertex-chat', inMessages(EVENTS), { promptTokens: 7, completionTokens: 10 }],
  ['streamed responses', 'vertex-responses', inMessages(COMPLETED), { promptTokens: 12, completionTokens: 5 }],
];

describe.each(SAMPLES)('%s', (_name, dialect, body, usage) => {
  it('is read the same wherever it is cut', () => {
    const wrong: number[] = [];
    for (let cut = 0; cut <= body.length; cut++) {
      const read = usageOf(dialect, body.subarray(0, cut), new Uint8Array(0), body.subarray(cut));
      if (JSON.stringify(read, sorted) !== JSON.stringify(usage, sorted)) wrong.push(cut);
    }
    expect(wrong).toEqual([]);
  });

  it.each([1, 2, 3, 7])('is read the same in pieces of %i bytes', (size) => {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < body.length; at += size) pieces.push(new Uint8Array(body.subarray(at, at + size)));
    expect(usageOf(dialect, ...pieces)).toEqual(usage);
  });

  it('never throws where its bytes are wrong, and still reads what follows', () => {
    for (let at = 5; at < Math.min(body.length, 200); at++) {
      const bad = Buffer.from(body);
      bad[at] ^= 0xff;
      expect(() => usageOf(dialect, bad)).not.toThrow();
    }
    expect(usageOf(dialect, frame(Buffer.from([0x12, 9])), body)).toEqual(usage);
  });
});

/** Members in one order. */
const sorted = ['promptTokens', 'completionTokens', 'cachedTokens'];

describe('messages of vLLM', () => {
  it('count as they come', () => {
    const read = reader('vllm-grpc');
    read.push(frame(chunk(7, 1)));
    expect(read.usage).toEqual({ promptTokens: 7, completionTokens: 1, cachedTokens: 3 });
    read.push(STREAM);
    expect(read.usage).toEqual(STREAM_USAGE);
    expect([read.failed, read.events]).toEqual([false, 0]);
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['no frames', Buffer.from('garbage, more of it')],
    ['half a frame', STREAM.subarray(0, 9)],
    ['a message without counts', frame(bytes(1, IDS))],
    ['a message that breaks after its counts', frame(join(chunk(7, 1), Buffer.from([0x12, 9])))],
    ['counts of another wire type', frame(bytes(1, bytes(2, 'x')))],
  ])('tell nothing: %s', (_what, body) => {
    expect(usageOf('vllm-grpc', body)).toBeUndefined();
  });

  it('are read up to a length, and skipped beyond it', () => {
    const padded = (length: number): Buffer => {
      const told = complete(7, 10);
      // A tag of one byte and a length of three.
      return frame(join(told, bytes(9, Buffer.alloc(length - told.length - 4))));
    };
    const longest = padded(MAX_MESSAGE_BYTES);
    const longer = padded(MAX_MESSAGE_BYTES + 1);
    expect([longest.length, longer.length]).toEqual([5 + MAX_MESSAGE_BYTES, 6 + MAX_MESSAGE_BYTES]);
    const halves = (body: Buffer) => [body.subarray(0, 1000), body.subarray(1000)];
    for (const pieces of [[longest], halves(longest)]) {
      expect(usageOf('vllm-grpc', ...pieces)?.completionTokens).toBe(10);
    }
    for (const pieces of [[longer], halves(longer)]) {
      expect(usageOf('vllm-grpc', ...pieces)).toBeUndefined();
      expect(usageOf('vllm-grpc', ...pieces, STREAM)).toEqual(STREAM_USAGE);
    }
  });
});

it('sees an error in an event that Vertex AI wraps', () => {
  const read = reader('vertex-chat');
  read.push(httpBody('data: {"error":{"message":"no"}}\n\n'));
  expect([read.failed, read.events]).toEqual([true, 1]);
});

describe('the content type', () => {
  it.each(['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8', 'Application/gRPC'])(
    '%s is read',
    (contentType) => {
      expect(createResponseReader('vllm-grpc', contentType)).toBeDefined();
    },
  );

  it.each([undefined, '', 'application/grpc-web', 'application/json', 'text/event-stream'])(
    '%s is not read',
    (contentType) => {
      expect(createResponseReader('vllm-grpc', contentType)).toBeUndefined();
      expect(createResponseReader('vertex-chat', contentType)).toBeUndefined();
    },
  );
});
