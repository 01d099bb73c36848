import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseReader } from './http-response.ts';
import { PageMemory } from './page-memory.ts';

const MAX = 100;

interface Result {
  readonly body: string;
  readonly done: boolean;
  readonly keepAlive: boolean;
  readonly fault: string | undefined;
}

function feed(pieces: readonly Buffer[], close = false): Result {
  const reader = new ResponseReader(MAX, new PageMemory());
  for (const piece of pieces) if (reader.fault === undefined) reader.feed(piece);
  if (close) reader.end();
  const { done, keepAlive, fault } = reader;
  const body = reader.body.toString();
  return { body, done, keepAlive, fault };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const good = (body: string, keepAlive = true): Result => ({ body, done: true, keepAlive, fault: undefined });

describe('whole responses', () => {
  it.each([
    ['by length', `${OK}content-length: 3\r\n\r\nabc`, good('abc')],
    ['names in any case', `${OK}CONTENT-Length:3\r\nx:\r\n\r\nabc`, good('abc')],
    ['without a reason', 'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'.replace('200\r', '200 \r'), good('')],
    ['length twice, agreeing', `${OK}content-length: 1\r\ncontent-length: 1\r\n\r\na`, good('a')],
    [
      'in chunks',
      `${OK}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x="y"\r\n0123456789\r\n0\r\n\r\n`,
      good('abc0123456789'),
    ],
    ['in chunks with trailers', `${OK}transfer-encoding: Chunked\r\n\r\n1\r\na\r\n00\r\nx: y\r\n\r\n`, good('a')],
    ['then to be closed', `${OK}connection: close\r\ncontent-length: 1\r\n\r\na`, good('a', false)],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na', good('a', false)],
    ['HTTP/1.0 kept', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: Keep-Alive\r\n\r\na', good('a')],
    ['after an interim one', `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}content-length: 1\r\n\r\na`, good('a')],
    ['identity', `${OK}content-encoding: identity\r\ncontent-length: 1\r\n\r\na`, good('a')],
    ['longest body', `${OK}content-length: ${MAX}\r\n\r\n${'x'.repeat(MAX)}`, good('x'.repeat(MAX))],
  ])('%s', (_, text, expected) => {
    expect(feed([Buffer.from(text)])).toEqual(expected);
    expect(feed([...Buffer.from(text)].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  it('ends with the connection when nothing else says where', () => {
    const text = Buffer.from(`${OK}\r\nabc`);
    expect(feed([text]).done).toBe(false);
    expect(feed([text], true)).toEqual(good('abc', false));
  });

  it.each([
    ['a length', `${OK}content-length: 4\r\n\r\nabc`],
    ['chunks', `${OK}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`],
    ['headers', `${OK}content-length: 3\r\n`],
  ])('is not done when the connection ends before %s does', (_, text) => {
    expect(feed([Buffer.from(text)], true).done).toBe(false);
  });
});

describe('faults', () => {
  it.each([
    ['status', 'HTTP/1.1 500 Internal Server Error\r\n\r\n'],
    ['status', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['status', 'HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n'],
    ['malformed', 'SSH-2.0-OpenSSH\r\n\r\n\r\n'],
    ['malformed', 'HTTP/2 200\r\n\r\n'],
    ['malformed', `${OK}content-length: -1\r\n\r\n`],
    ['malformed', `${OK}content-length: 1x\r\n\r\n`],
    ['malformed', `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\n`],
    ['malformed', `${OK}transfer-encoding: gzip, chunked\r\n\r\n`],
    ['malformed', `${OK}content-encoding: gzip\r\ncontent-length: 1\r\n\r\n`],
    ['malformed', `${OK}content-length: 1\r\n\r\nab`],
    ['malformed', `${OK}transfer-encoding: chunked\r\n\r\nx\r\n`],
    ['malformed', `${OK}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`],
    ['malformed', `${OK}transfer-encoding: chunked\r\n\r\n${'0'.repeat(300)}`],
    ['malformed', `${OK}x: ${'y'.repeat(17 * 1024)}`],
    ['malformed', `${OK}x: ${'y'.repeat(17 * 1024)}\r\n\r\n`],
    ['too-large', `${OK}content-length: ${MAX + 1}\r\n\r\n`],
    ['too-large', `${OK}transfer-encoding: chunked\r\n\r\n${(MAX + 1).toString(16)}\r\n`],
    ['too-large', `${OK}transfer-encoding: chunked\r\n\r\n1\r\na\r\n${MAX.toString(16)}\r\n`],
    ['too-large', `${OK}transfer-encoding: chunked\r\n\r\nffffffffffff\r\n`],
    ['too-large', `${OK}\r\n${'x'.repeat(MAX + 1)}`],
  ])('%s, case %#', (fault, text) => {
    expect(feed([Buffer.from(text)])).toMatchObject({ fault, done: false });
  });

  it('never throws and never takes more than the limit', () => {
    const head = fc.constantFrom('', OK, `${OK}content-length: 9\r\n\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n`);
    const bytes = fc.string({ unit: fc.constantFrom('\r', '\n', '\r\n', '0', '1', 'a', ':', ' ', ';', 'x') });
    fc.assert(
      fc.property(head, fc.array(bytes), (start, pieces) => {
        expect(
          feed(
            [start, ...pieces].map((text) => Buffer.from(text)),
            true,
          ).body.length,
        ).toBeLessThanOrEqual(MAX);
      }),
      { numRuns: 500 },
    );
  });
});
