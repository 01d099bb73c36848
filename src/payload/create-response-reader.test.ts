import { describe, expect, it } from 'vitest';
import { SAMPLE_RESPONSES, type SampleResponse } from './response-bodies.testing.ts';
import { createResponseReader } from './create-response-reader.ts';
import type { Usage } from '../core/usage.ts';

interface Read {
  readonly usage: Usage | undefined;
  readonly events: number;
  readonly failed: boolean;
}

function read({ dialect, contentType }: SampleResponse, pieces: readonly Uint8Array[]): Read {
  const reader = createResponseReader(dialect, contentType);
  if (reader === undefined) throw new Error('no reader');
  for (const piece of pieces) reader.push(piece);
  reader.finish();
  const { usage, events, failed } = reader;
  return { usage, events, failed };
}

/** Compared as JSON: a count that is undefined and one that is missing say the same. */
function plain({ usage, events, failed }: Read): string {
  return JSON.stringify([usage?.promptTokens, usage?.completionTokens, usage?.cachedTokens, events, failed]);
}

describe.each(SAMPLE_RESPONSES)('$name', (sample) => {
  const isStream = sample.contentType === 'text/event-stream';
  const ends = isStream ? ['\n', '\r\n', '\r'] : ['\n'];

  it.each(ends)('is read the same wherever it is cut, line end %j', (end) => {
    const bytes = Buffer.from(sample.text.replaceAll('\n', end));
    const expected = plain(sample);
    expect(plain(read(sample, [bytes]))).toBe(expected);
    const wrong: number[] = [];
    for (let cut = 0; cut <= bytes.length; cut++) {
      const pieces = [bytes.subarray(0, cut), new Uint8Array(0), bytes.subarray(cut)];
      if (plain(read(sample, pieces)) !== expected) wrong.push(cut);
    }
    expect(wrong).toEqual([]);
  });

  it.each([1, 2, 3, 7])('is read the same in pieces of %i bytes', (size) => {
    const bytes = new Uint8Array(Buffer.from(sample.text));
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    expect(plain(read(sample, pieces))).toBe(plain(sample));
  });
});

describe('an event stream', () => {
  const read1 = (text: string): Read =>
    read({ ...SAMPLE_RESPONSES[0], contentType: 'text/event-stream; charset=utf-8' }, [Buffer.from(text)]);

  it.each([
    ['cut inside the prefix', 'data: {}\n\ndata:', 1],
    ['cut after the prefix', 'data: {}\n\ndata: ', 2],
    ['cut inside an event', 'data: {}\n\ndata: {"a', 2],
    ['cut inside the end mark', 'data: {}\n\ndata: [DO', 2],
    ['ended by the mark', 'data: {}\n\ndata: [DONE]', 1],
    ['with other lines', 'event: x\nid: 1\n: data: \n{}\n\n', 0],
  ])('%s counts its events', (_name, text, events) => {
    expect(read1(text).events).toBe(events);
  });

  it('keeps the counts told before it broke', () => {
    expect(read1('data: {"usage":{"prompt_tokens":1}}\n\ndata: {"usage":{"pro').usage).toEqual({ promptTokens: 1 });
  });
});

it('reads nothing of a dialect nobody knows', () => {
  expect(createResponseReader('none', 'text/event-stream')).toBeUndefined();
});
