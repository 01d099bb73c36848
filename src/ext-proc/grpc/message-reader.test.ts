import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { GrpcFault } from './fault.ts';
import { MessageReader } from './message-reader.ts';

function framed(message: Buffer, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function reader(maxBytes = 1000, encoding?: string) {
  const messages: string[] = [];
  const onMessage = (message: Buffer): void => void messages.push(message.toString());
  return { messages, reader: new MessageReader({ maxBytes, encoding, onMessage }) };
}

function faultOf(run: () => void): GrpcFault {
  try {
    run();
  } catch (error) {
    if (error instanceof GrpcFault) return error;
  }
  throw new Error('no fault');
}

describe('MessageReader', () => {
  const bytes = Buffer.concat(['', 'one', 'a second', '', 'third'].map((each) => framed(Buffer.from(each))));

  it('finds messages however their bytes are cut', () => {
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const { messages, reader: read } = reader();
        for (const piece of [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]) {
          read.push(piece);
        }
        expect(messages).toEqual(['', 'one', 'a second', '', 'third']);
      }
    }
  });

  it('finds messages that come byte by byte', () => {
    const { messages, reader: read } = reader();
    for (const byte of bytes) read.push(Buffer.from([byte]));
    expect(messages).toEqual(['', 'one', 'a second', '', 'third']);
  });

  it('takes a message of the greatest length, and refuses a longer one by its head alone', () => {
    const { messages, reader: read } = reader(3);
    read.push(framed(Buffer.from('one')));
    const { code, message } = faultOf(() => read.push(framed(Buffer.from('more')).subarray(0, 5)));
    expect(messages).toEqual(['one']);
    expect([code, message]).toEqual([status.RESOURCE_EXHAUSTED, 'Received message larger than max (4 vs 3)']);
  });

  it('decompresses what says that it is compressed, and only that', () => {
    const { messages, reader: read } = reader(1000, 'gzip');
    read.push(framed(gzipSync('packed'), 1));
    read.push(framed(Buffer.from('plain')));
    expect(messages).toEqual(['packed', 'plain']);
  });

  it.each([
    ['a bomb', 'gzip', gzipSync(Buffer.alloc(100_000)), status.RESOURCE_EXHAUSTED],
    ['bytes that are not compressed', 'deflate', Buffer.from('plain'), status.INTERNAL],
    ['an encoding nobody named', undefined, Buffer.from('x'), status.INTERNAL],
    ['an encoding nobody knows', 'snappy', Buffer.from('x'), status.UNIMPLEMENTED],
  ])('refuses %s', (_name, encoding, message, code) => {
    expect(faultOf(() => reader(1000, encoding).reader.push(framed(message, 1))).code).toBe(code);
  });
});
