import { describe, expect, it } from 'vitest';
import { promptOfIds, readPlaceholders } from './prompt-features.ts';

const words = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 4 }, (_, i) => Buffer.from(bytes).readUInt32LE(i * 4));
/** What stands in for the ids of one picture that takes two of four tokens. */
const marked = (hash: string): number[] =>
  words(promptOfIds([7, 9, 9, 8], [{ modality: 'image', hash, offset: 1, length: 2 }]).prompts[0]);

describe('a prompt of token ids', () => {
  it('is the ids', () => {
    const { prompts, tokens, media } = promptOfIds([1, 0xffffffff]);
    expect([words(prompts[0]), tokens, media]).toEqual([[1, 0xffffffff], 2, []]);
    expect(promptOfIds([])).toMatchObject({ tokens: 0 });
  });

  it('tells pictures apart whose ids are the same', () => {
    const [first, one, two, last] = marked('cat');
    expect([first, last]).toEqual([7, 8]);
    expect([one, two]).not.toContain(9);
    expect(one).toBe(two);
    expect(marked('cat')).toEqual([7, one, one, 8]);
    expect(marked('dog')[1]).not.toBe(one);
  });

  it.each([
    [4, 5],
    [3, 1_000_000],
    [0, 0],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('copes with a placeholder at %d of %d tokens', (offset, length) => {
    const { prompts, tokens } = promptOfIds([7, 9, 9, 8], [{ modality: 'image', hash: 'x', offset, length }]);
    expect([words(prompts[0]).slice(0, 3), tokens]).toEqual([[7, 9, 9], 4]);
  });

  it('lists media of the kinds there are', () => {
    const at = { hash: 'h', offset: 0, length: 1 };
    const { media } = promptOfIds(
      [1],
      [
        { modality: 'audio', ...at },
        { modality: 'smell', ...at },
      ],
    );
    expect(media).toEqual([{ modality: 'audio', hash: 'h' }]);
  });
});

describe('features', () => {
  it('are read in the order of the prompt', () => {
    const features = {
      mm_hashes: { image: ['i1', 'i2'], audio: ['a1'] },
      mm_placeholders: {
        image: [
          { offset: 5, length: 2 },
          { offset: 20, length: 2 },
        ],
        audio: [{ offset: 9, length: 3 }],
      },
    };
    expect(readPlaceholders(features).map(({ modality, hash, offset }) => `${modality} ${hash} ${offset}`)).toEqual([
      'image i1 5',
      'audio a1 9',
      'image i2 20',
    ]);
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [{ mm_hashes: { image: ['h'] } }],
    [{ mm_hashes: { image: 'h' }, mm_placeholders: { image: [{ offset: 0, length: 1 }] } }],
    [{ mm_hashes: { toString: ['h'] }, mm_placeholders: {} }],
    [{ mm_hashes: { image: [] }, mm_placeholders: { image: [{ offset: 0, length: 1 }] } }],
    [{ mm_hashes: { image: [null] }, mm_placeholders: { image: [{ offset: 0, length: 1 }] } }],
    [{ mm_hashes: { image: ['h'] }, mm_placeholders: { image: [{ offset: -1, length: 1 }] } }],
    [{ mm_hashes: { image: ['h'] }, mm_placeholders: { image: [{ offset: 0, length: 1.5 }] } }],
    [{ mm_hashes: { image: ['h'] }, mm_placeholders: { image: [7] } }],
  ])('that are %j are none', (features) => {
    expect(readPlaceholders(features)).toEqual([]);
  });
});
