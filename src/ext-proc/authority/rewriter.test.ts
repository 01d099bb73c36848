import { readFileSync } from 'node:fs';
import { sensitiveHeaders } from 'node:http2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuthorityRewriter } from './rewriter.ts';
import {
  clientBytes,
  cut,
  Flag,
  type Frame,
  frameBytes,
  framesOf,
  FrameType,
  headersFrame,
  ISTIO_AUTHORITY,
  PREFACE,
  SETTINGS,
} from './http2-bytes.testing.ts';

interface Vector {
  readonly name: string;
  /** Header blocks of one connection, hex, by the `hpack` package of Python. */
  readonly sent: string[];
  /** The same with `+` for `|` in the authority before encoding. */
  readonly expected: string[];
}
const VECTORS = JSON.parse(readFileSync(new URL('hpack-vectors.json', import.meta.url), 'utf8')) as Vector[];

/** Everything that came out, however it was cut. */
function rewrite(pieces: readonly Buffer[], rewriter = new AuthorityRewriter()): Buffer {
  const out = pieces.map((piece) => rewriter.push(Buffer.from(piece)));
  return Buffer.concat([...out, rewriter.flush() ?? Buffer.alloc(0)]);
}

function connection(...frames: Buffer[]): Buffer {
  return Buffer.concat([PREFACE, SETTINGS, ...frames]);
}

const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 3000 })), {
  minLength: 1,
  maxLength: 8,
});

const text = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet.split('')), maxLength });

interface RequestShape {
  readonly authority: string;
  readonly path: string;
  readonly sensitive: boolean;
  readonly filler: string;
  readonly name: string;
}

/** Requests of one client. The authority has no `+`, so that `a|b` and `a+b` are not two headers before and one after. */
const requests = fc.array(
  fc.record({
    authority: fc.oneof(
      fc.constant(ISTIO_AUTHORITY),
      text('ab|0.:-~#>?!$%', 40).map((value) => `h${value}`),
    ),
    path: text('/|+ab', 12).map((value) => `/${value}`),
    sensitive: fc.boolean(),
    filler: text('xyz|+', 300),
    name: fc.constantFrom('x-a', 'x-b', 'te', 'x-long-name'),
  }),
  { minLength: 1, maxLength: 12 },
);

async function encode(list: readonly RequestShape[], pipe: '|' | '+'): Promise<Buffer> {
  return clientBytes(
    list.map(({ authority, path, sensitive, filler, name }) => ({
      ':method': 'POST',
      ':path': path,
      ':authority': authority.replaceAll('|', pipe),
      [name]: name === 'te' ? 'trailers' : filler,
      ...(sensitive ? { [sensitiveHeaders]: [':authority'] } : {}),
    })),
  );
}

describe('AuthorityRewriter against the encoder of Node (nghttp2)', () => {
  it('gives the bytes the client would have sent for the legal authority, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(requests, cuts, async (list, sizes) => {
        const sent = await encode(list, '|');
        const expected = await encode(list, '+');
        expect(rewrite(cut(sent, sizes)).equals(expected)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('does so with padding, priority, CONTINUATION frames and other frames in between', async () => {
    await fc.assert(
      fc.asyncProperty(requests, cuts, fc.infiniteStream(fc.nat(255)), async (list, sizes, noise) => {
        const choices = [...noise.take(400)];
        const sent = reframe(await encode(list, '|'), choices);
        const expected = reframe(await encode(list, '+'), choices);
        const rewriter = new AuthorityRewriter();
        expect(rewrite(cut(sent, sizes), rewriter).equals(expected)).toBe(true);
        expect(rewriter.passive).toBe(false);
        expect(rewriter.headerBlocks).toBe(list.length);
      }),
      { numRuns: 150 },
    );
  });
});

/** The same requests in other frames, by the same choices for the same sizes. */
function reframe(bytes: Buffer, choices: readonly number[]): Buffer {
  let used = 0;
  const next = (): number => choices[used++ % choices.length];
  const out: Buffer[] = [PREFACE];
  for (const frame of framesOf(bytes)) {
    if (frame.type !== FrameType.headers) out.push(frameBytes(frame));
    else {
      out.push(...other(next));
      out.push(...splitHeaders(frame, next));
      out.push(
        frameBytes({ type: FrameType.data, flags: 0, stream: frame.stream, payload: Buffer.alloc(next() * 8, '|') }),
      );
    }
  }
  return Buffer.concat(out);
}

function other(next: () => number): Buffer[] {
  const kinds: Frame[] = [
    { type: FrameType.ping, flags: 0, stream: 0, payload: Buffer.from('||||||||') },
    { type: FrameType.windowUpdate, flags: 0, stream: 0, payload: Buffer.from([0, 0, 1, 0x7c]) },
    { type: FrameType.priority, flags: 0, stream: 1, payload: Buffer.from([0, 0, 0, 0, 0x7c]) },
    // Of no known kind, to be ignored.
    { type: 0xfa, flags: 0xff, stream: 0x7c7c, payload: Buffer.from('|'.repeat(40)) },
  ];
  return kinds.slice(0, next() % 5).map(frameBytes);
}

function splitHeaders(frame: Frame, next: () => number): Buffer[] {
  const fragments = cut(frame.payload, [next() % 7 === 0 ? 1 : (next() % 60) + 1, (next() % 60) + 1, 200]);
  return fragments.flatMap((fragment, i) => {
    const end = i === fragments.length - 1 ? Flag.endHeaders : 0;
    const empty =
      next() % 5 === 0
        ? [frameBytes({ type: FrameType.continuation, flags: 0, stream: frame.stream, payload: Buffer.alloc(0) })]
        : [];
    if (i > 0)
      return [
        ...empty,
        frameBytes({ type: FrameType.continuation, flags: end, stream: frame.stream, payload: fragment }),
      ];
    const padding = next() % 3 === 0 ? next() : -1;
    const priority = next() % 3 === 0;
    const flags = end | Flag.endStream | (padding >= 0 ? Flag.padded : 0) | (priority ? Flag.priority : 0);
    const payload = [
      Buffer.from(padding >= 0 ? [padding] : []),
      Buffer.from(priority ? '||||\x7c' : '', 'latin1'),
      fragment,
      Buffer.alloc(Math.max(padding, 0), '|'),
    ];
    return [frameBytes({ type: FrameType.headers, flags, stream: frame.stream, payload: Buffer.concat(payload) })];
  });
}

describe('AuthorityRewriter against another encoder', () => {
  const wrap = (blocks: readonly string[]): Buffer =>
    connection(...blocks.map((block, i) => headersFrame(2 * i + 1, Buffer.from(block, 'hex'))));

  it.each(VECTORS)('$name', ({ sent, expected }) => {
    for (const sizes of [[1_000_000], [1], [7, 1, 300]])
      expect(rewrite(cut(wrap(sent), sizes)).equals(wrap(expected))).toBe(true);
  });

  it('is right wherever one cut falls', () => {
    const { sent, expected } = VECTORS.find((vector) => vector.name === 'authorities change')!;
    const bytes = wrap(sent);
    for (let at = 1; at < bytes.length; at++) {
      expect(rewrite([bytes.subarray(0, at), bytes.subarray(at)]).equals(wrap(expected))).toBe(true);
    }
  });
});

describe('AuthorityRewriter with bytes that are not HTTP/2', () => {
  it('changes no length, throws nothing, and gives the same for every cut', async () => {
    const valid = reframe(
      await clientBytes([{ ':authority': ISTIO_AUTHORITY, 'x-a': 'b' }, { ':authority': 'a|b' }]),
      [3, 1, 4, 1, 5, 9, 2, 6],
    );
    const damage = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(damage, cuts, fc.nat(valid.length), (hits, sizes, end) => {
        const bytes = Buffer.from(valid.subarray(0, end));
        for (const [at, value] of hits) if (at < bytes.length) bytes[at] = value;
        const whole = rewrite([bytes]);
        expect(whole.length).toBe(bytes.length);
        expect(rewrite(cut(bytes, sizes)).equals(whole)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  const block = Buffer.from('4103617c62', 'hex');
  const frame = (type: number, flags: number, stream: number, payload = block): Buffer =>
    frameBytes({ type, flags, stream, payload });
  it.each([
    ['another protocol', Buffer.from('GET /a|b HTTP/1.1\r\nhost: a|b\r\n\r\n')],
    [
      'a preface with one wrong byte',
      Buffer.concat([PREFACE.subarray(0, 23), Buffer.from('x'), headersFrame(1, block)]),
    ],
    ['headers on stream 0', connection(headersFrame(0, block))],
    ['a CONTINUATION without headers', connection(frame(FrameType.continuation, Flag.endHeaders, 1))],
    [
      'a CONTINUATION of another stream',
      connection(frame(1, 0, 1, Buffer.from([0x83])), frame(FrameType.continuation, Flag.endHeaders, 3)),
    ],
    ['headers inside headers', connection(frame(1, 0, 1, Buffer.from([0x83])), frame(1, Flag.endHeaders, 1))],
    ['data inside headers', connection(frame(1, 0, 1, Buffer.from([0x83])), frame(0, 0, 1), headersFrame(1, block))],
    [
      'padding longer than the frame',
      connection(frame(1, Flag.endHeaders | Flag.padded, 1, Buffer.concat([Buffer.from([6]), block]))),
    ],
    [
      'padding in an empty frame',
      connection(frame(1, Flag.endHeaders | Flag.padded, 1, Buffer.alloc(0)), headersFrame(3, block)),
    ],
    [
      'no room for the priority',
      connection(frame(1, Flag.endHeaders | Flag.priority, 1, Buffer.alloc(4)), headersFrame(3, block)),
    ],
    [
      'no room for the priority beside the padding',
      connection(
        frame(1, Flag.endHeaders | Flag.priority | Flag.padded, 1, Buffer.concat([Buffer.from([1]), block])),
        headersFrame(3, block),
      ),
    ],
    ['an index of 0', connection(headersFrame(1, Buffer.from([0x80])), headersFrame(3, block))],
    ['a block that ends inside a field', connection(headersFrame(1, Buffer.from([0x41, 3])), headersFrame(3, block))],
  ])('stays out of it: %s', (_name, bytes) => {
    const rewriter = new AuthorityRewriter();
    expect(rewrite([bytes], rewriter).equals(bytes)).toBe(true);
    expect(rewriter.passive).toBe(true);
  });

  it('accepts padding up to the end of the frame', () => {
    const payload = Buffer.concat([Buffer.from([5]), block, Buffer.alloc(5)]);
    const rewriter = new AuthorityRewriter();
    rewrite([connection(frame(1, Flag.endHeaders | Flag.padded, 1, payload))], rewriter);
    expect(rewriter).toMatchObject({ edits: 1, passive: false, headerBlocks: 1 });
  });
});

describe('AuthorityRewriter and what it keeps back', () => {
  // A Huffman-coded value of two bytes, `|` and its padding, cut between the bytes: ff 9f.
  const open = connection(
    frameBytes({
      type: FrameType.headers,
      flags: 0,
      stream: 1,
      payload: Buffer.concat([Buffer.from('4186', 'hex'), Buffer.from('00000003fe', 'hex')]),
    }),
  );
  const empty = frameBytes({ type: FrameType.continuation, flags: 0, stream: 1, payload: Buffer.alloc(0) });
  const last = frameBytes({
    type: FrameType.continuation,
    flags: Flag.endHeaders,
    stream: 1,
    payload: Buffer.from([0x7f]),
  });

  it('is one byte, until it is decided', () => {
    const rewriter = new AuthorityRewriter();
    expect(rewriter.push(Buffer.from(open)).length).toBe(open.length - 1);
    expect(rewriter.push(Buffer.from(last)).toString('hex')).toBe(`fd${last.toString('hex').slice(0, -2)}ff`);
    expect(rewriter.flush()).toBeUndefined();
  });

  it('is nothing when the connection is cut elsewhere', () => {
    const rewriter = new AuthorityRewriter();
    const bytes = Buffer.from(open.subarray(0, open.length - 1));
    expect(rewriter.push(bytes)).toBe(bytes);
  });

  it('is given back when no more comes', () => {
    const rewriter = new AuthorityRewriter();
    rewriter.push(Buffer.from(open));
    expect(rewriter.flush()).toEqual(Buffer.from([0xfe]));
    expect(rewriter.flush()).toBeUndefined();
  });

  it('is at most 4096 bytes', () => {
    const fits = Math.floor((4096 - 1) / empty.length);
    const within = new AuthorityRewriter();
    const sent = [open, ...Array.from({ length: fits }, () => empty), last];
    rewrite(sent, within);
    expect(within).toMatchObject({ edits: 1, passive: false });

    const beyond = new AuthorityRewriter();
    const more = [open, ...Array.from({ length: fits + 1 }, () => empty), last];
    expect(rewrite(more, beyond).equals(Buffer.concat(more))).toBe(true);
    expect(beyond).toMatchObject({ edits: 0, passive: true });
  });
});

describe('AuthorityRewriter and bodies', () => {
  it('hands on the very buffer it was given', () => {
    const rewriter = new AuthorityRewriter();
    rewriter.push(connection(headersFrame(1, Buffer.from('4103617c62', 'hex'), Flag.endHeaders)));
    const body = frameBytes({ type: FrameType.data, flags: 0, stream: 1, payload: Buffer.alloc(16_384, '|') });
    const chunk = Buffer.from(body);
    expect(rewriter.push(chunk)).toBe(chunk);
    expect(chunk.equals(body)).toBe(true);
  });
});
