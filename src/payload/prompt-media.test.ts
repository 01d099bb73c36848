import { describe, expect, it } from 'vitest';
import { audioTokens, imageTokens, videoTokens } from './prompt-media.ts';

const DEFAULT_TOKENS = 225;
const dataUrl = (type: string, ...bytes: number[]): string =>
  `data:image/${type};base64,${Buffer.from(bytes).toString('base64')}`;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];
const SIZE_1024_512 = [0, 0, 4, 0, 0, 0, 2, 0];

describe('media tokens', () => {
  it.each([
    ['a PNG', dataUrl('png', ...PNG, ...SIZE_1024_512), 512],
    ['a GIF', dataUrl('gif', 0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x00, 0x01, 0x80, 0x00), 32],
    [
      'a JPEG behind another segment',
      dataUrl('jpeg', 0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 11, 8, 1, 0, 2, 0, 3),
      128,
    ],
    ['a tiny PNG', dataUrl('png', ...PNG, 0, 0, 0, 1, 0, 0, 0, 1), 1],
    ['a PNG cut short', dataUrl('png', ...PNG, 0, 0, 4), DEFAULT_TOKENS],
    ['a JPEG without a frame', dataUrl('jpeg', 0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 1), DEFAULT_TOKENS],
    ['no picture', dataUrl('png', 1, 2, 3), DEFAULT_TOKENS],
    ['a link', 'https://example.test/a.png', DEFAULT_TOKENS],
    ['nothing', '', DEFAULT_TOKENS],
  ])('counts %s', (_what, url, tokens) => {
    expect(imageTokens(url)).toBe(tokens);
  });

  it('counts video by frames and audio by length', () => {
    expect(videoTokens()).toBe(20 * DEFAULT_TOKENS);
    expect(audioTokens('12345', 'wav')).toBe(2);
    expect(audioTokens('123456', 'wav')).toBe(3);
    expect(audioTokens('', '')).toBe(1);
  });
});
