import { describe, expect, it } from 'vitest';
import { AnswerReader } from './answer-reader.ts';

const read = (stream: boolean, ...pieces: string[]): AnswerReader => {
  const reader = new AnswerReader(stream);
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return reader;
};

const USAGE = '"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}';

describe('reading an answer', () => {
  it('a stream is complete with [DONE], and its usage stands before it', () => {
    const reader = read(
      true,
      'data: {"choices":[{}],"usage":null}\n\ndata: {"choi',
      `ces":[],${USAGE}}\n\ndata: [DONE]\n\n`,
    );
    expect(reader.complete()).toBe(true);
    expect(reader.usage()).toEqual({ promptTokens: 9, cachedTokens: 4 });
  });

  it('a stream without [DONE] is not complete', () => {
    const reader = read(true, 'data: {"choices":[{}]}\n\n');
    expect(reader.complete()).toBe(false);
    expect(reader.usage()).toEqual({ promptTokens: 0, cachedTokens: 0 });
  });

  it('a whole answer is complete when it is JSON', () => {
    expect(read(false, `{"id":"1",${USAGE}}`).usage()).toEqual({ promptTokens: 9, cachedTokens: 4 });
    expect(read(false, '{"id":').complete()).toBe(false);
    expect(read(false, '{"usage":{"prompt_tokens":3,"prompt_tokens_details":null}}').usage()).toEqual({
      promptTokens: 3,
      cachedTokens: 0,
    });
  });

  it('an error is shown in one short line', () => {
    expect(read(false, `no\nsuch\nmodel ${'x'.repeat(500)}`).text()).toMatch(/^no such model x{186}$/);
  });
});
