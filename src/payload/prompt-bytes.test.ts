import { describe, expect, it } from 'vitest';
import { PromptBytes, jsonText, promptOf, tokenBytes } from './prompt-bytes.ts';

const MAX_MEDIA_BYTES = 131_072 * 4;

describe('prompt bytes', () => {
  it('puts media on word boundaries as copies of one word', () => {
    const prompt = new PromptBytes();
    prompt.text('abcde');
    prompt.media('image', 'source', 3);
    prompt.text('f');
    const bytes = Buffer.from(prompt.prompt().prompts[0]);
    expect(bytes.length).toBe(8 + 12 + 1);
    expect(bytes.subarray(0, 8).toString()).toBe('abcde\0\0\0');
    expect(bytes.subarray(8, 12)).toEqual(bytes.subarray(16, 20));
    expect(bytes.at(-1)).toBe('f'.charCodeAt(0));
  });

  it('tells sources apart and knows them again', () => {
    const of = (source: string): string => {
      const prompt = new PromptBytes();
      prompt.media('image', source, 1);
      const { prompts, media } = prompt.prompt();
      return `${Buffer.from(prompts[0]).toString('hex')} ${media[0].hash}`;
    };
    expect(of('a')).toBe(of('a'));
    expect(of('a')).not.toBe(of('b'));
    expect(of('x'.repeat(100_000))).not.toBe(of(`${'x'.repeat(99_999)}y`));
  });

  it('bounds what media may add, however large they claim to be', () => {
    const prompt = new PromptBytes();
    prompt.media('image', 'a', 131_072);
    expect(prompt.prompt().tokens).toBe(131_072);
    for (const tokens of [4_000_000_000, Number.POSITIVE_INFINITY]) prompt.media('video', 'b', tokens);
    expect(prompt.prompt().prompts[0].length).toBe(MAX_MEDIA_BYTES + 8);
  });

  it('lists the media in their order, with a name for each of 64 bits', () => {
    const prompt = new PromptBytes();
    for (const [modality, source] of [
      ['image', 'a'],
      ['audio', 'b'],
      ['image', 'a'],
    ] as const) {
      prompt.media(modality, source, 1);
    }
    const { media } = prompt.prompt();
    expect(media.map(({ modality }) => modality)).toEqual(['image', 'audio', 'image']);
    expect(media[0].hash).toMatch(/^[0-9a-f]{16}$/);
    expect(media[2].hash).toBe(media[0].hash);
    expect(media[1].hash).not.toBe(media[0].hash);
  });

  it.each([
    [[], 0],
    [[0], 0],
    [[1], 1],
    [[4, 5, 8], 5],
  ])('counts for prompts of %j bytes %d tokens', (lengths, tokens) => {
    expect(promptOf(lengths.map((length) => new Uint8Array(length)))).toMatchObject({ tokens, media: [] });
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
