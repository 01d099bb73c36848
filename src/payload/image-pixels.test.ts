import { describe, expect, it } from 'vitest';
import { pixelsOfData, pixelsOfUrl } from './image-pixels.ts';

const base64 = (...bytes: number[]): string => Buffer.from(bytes).toString('base64');
const dataUrl = (type: string, ...bytes: number[]): string => `data:image/${type};base64,${base64(...bytes)}`;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];
const SIZE_1024_512 = [0, 0, 4, 0, 0, 0, 2, 0];
const GIF_256_128 = [0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x00, 0x01, 0x80, 0x00];

describe('the size of an image', () => {
  it.each([
    ['a PNG', dataUrl('png', ...PNG, ...SIZE_1024_512), 1024 * 512],
    ['a GIF', dataUrl('gif', ...GIF_256_128), 256 * 128],
    [
      'a JPEG behind another segment',
      dataUrl('jpeg', 0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 11, 8, 1, 0, 2, 0, 3),
      256 * 512,
    ],
    ['a tiny PNG', dataUrl('png', ...PNG, 0, 0, 0, 1, 0, 0, 0, 1), 1],
    ['a type in capitals', dataUrl('PNG', ...PNG, ...SIZE_1024_512), 1024 * 512],
    ['a PNG cut short', dataUrl('png', ...PNG, 0, 0, 4), 0],
    ['a JPEG without a frame', dataUrl('jpeg', 0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 1), 0],
    ['no picture', dataUrl('png', 1, 2, 3), 0],
    ['a link', 'https://example.test/a.png', 0],
    ['nothing', '', 0],
  ])('is read from %s', (_what, url, pixels) => {
    expect(pixelsOfUrl(url)).toBe(pixels);
  });

  it('is read from bare data too', () => {
    expect(pixelsOfData(base64(...GIF_256_128))).toBe(256 * 128);
    expect(pixelsOfData('no base64!')).toBe(0);
  });
});
