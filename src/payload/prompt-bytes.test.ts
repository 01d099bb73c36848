import { describe, expect, it } from 'vitest';
import { PromptBytes, jsonText, tokenBytes } from './prompt-bytes.ts';

const MAX_MEDIA_BYTES = 131_072 * 4;

describe('prompt bytes', () => {
  it('puts media on word boundaries as copies of one word', () => {
    const prompt = new PromptBytes();
    prompt.text('abcde');
    prompt.media('source', 3);
    prompt.text('f');
    const bytes = Buffer.from(prompt.bytes());
    expect(bytes.length).toBe(8 + 12 + 1);
    expect(bytes.subarray(0, 8).toString()).toBe('abcde\0\0\0');
    expect(bytes.subarray(8, 12)).toEqual(bytes.subarray(16, 20));
    expect(bytes.at(-1)).toBe('f'.charCodeAt(0));
  });

  it('tells sources apart and knows them again', () => {
    const of = (source: string): string => {
      const prompt = new PromptBytes();
      prompt.media(source, 1);
      return Buffer.from(prompt.bytes()).toString('hex');
    };
    expect(of('a')).toBe(of('a'));
    expect(of('a')).not.toBe(of('b'));
    expect(of('x'.repeat(100_000))).not.toBe(of(`${'x'.repeat(99_999)}y`));
  });

  it('bounds what media may add, however large they claim to be', () => {
    const prompt = new PromptBytes();
    prompt.media('a', 131_072);
    expect(prompt.bytes().length).toBe(MAX_MEDIA_BYTES);
    prompt.media('b', 4_000_000_000);
    expect(prompt.bytes().length).toBe(MAX_MEDIA_BYTES + 4);
  });

  it('writes token ids as little-endian words', () => {
    expect([...tokenBytes([1, 0xffffffff])]).toEqual([1, 0, 0, 0, 255, 255, 255, 255]);
  });

  it('takes JSON of any depth', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"7":', '}'],
      ['{"__proto__":', '}'],
    ]) {
      const deep: unknown = JSON.parse(`${open.repeat(100_000)}1${close.repeat(100_000)}`);
      expect(typeof jsonText(deep)).toBe('string');
    }
    expect(jsonText({ a: [1] })).toBe('{"a":[1]}');
    expect(jsonText(undefined)).toBe('');
  });
});
