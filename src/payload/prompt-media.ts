/**
 * How many tokens media count as when a prompt's length is estimated.
 * Source of all numbers: contract `wire-protocol.md` 3.5, `config-and-plugins.md` 3.5 (token producer, `estimate`).
 */

const PIXELS_PER_TOKEN = 1024;
/** 640 x 360, what an image whose size cannot be seen is taken for. */
const DEFAULT_PIXELS = 640 * 360;
/** Ten seconds at two frames a second. */
const VIDEO_FRAMES = 20;
const AUDIO_CHARS_PER_TOKEN = 4;
/** Bytes of an image that are looked at; a JPEG may carry a preview before its size. */
const IMAGE_HEAD_BYTES = 65_536;

const DATA_URL = /^data:image\/[\w.+-]+;base64,/i;
const PNG_SIGNATURE = 0x89504e47;
const GIF_SIGNATURE = 0x47494638;
const JPEG_START = 0xffd8;

/** Tokens of an image by its URL; the size of a PNG, GIF or JPEG in a `data:` URL is read from it. */
export function imageTokens(url: string): number {
  const prefix = DATA_URL.exec(url.slice(0, 64))?.[0];
  return imageDataTokens(prefix === undefined ? '' : url.slice(prefix.length, prefix.length + headChars()));
}

/** Tokens of an image by its base64 data. */
export function imageDataTokens(base64: string): number {
  const pixels = pixelsOf(Buffer.from(base64.slice(0, headChars()), 'base64'));
  return Math.max(1, Math.floor((pixels > 0 ? pixels : DEFAULT_PIXELS) / PIXELS_PER_TOKEN));
}

export function videoTokens(): number {
  return VIDEO_FRAMES * Math.floor(DEFAULT_PIXELS / PIXELS_PER_TOKEN);
}

/** Tokens of an audio clip by the length of its encoded data and the name of its format. */
export function audioTokens(data: string, format: string): number {
  return Math.max(1, Math.ceil((data.length + format.length) / AUDIO_CHARS_PER_TOKEN));
}

function headChars(): number {
  return Math.ceil(IMAGE_HEAD_BYTES / 3) * 4;
}

/** Width times height as the image's header has it; 0 where none is found. */
function pixelsOf(image: Buffer): number {
  if (image.length >= 24 && image.readUInt32BE(0) === PNG_SIGNATURE) {
    return image.readUInt32BE(16) * image.readUInt32BE(20);
  }
  if (image.length >= 10 && image.readUInt32BE(0) === GIF_SIGNATURE) {
    return image.readUInt16LE(6) * image.readUInt16LE(8);
  }
  return image.length >= 4 && image.readUInt16BE(0) === JPEG_START ? jpegPixels(image) : 0;
}

/** Walks the segments `ff <marker> <length>` to the first start-of-frame, which has height and width. */
function jpegPixels(image: Buffer): number {
  let at = 2;
  while (at + 9 <= image.length && image[at] === 0xff) {
    const marker = image[at + 1];
    if (isStartOfFrame(marker)) return image.readUInt16BE(at + 5) * image.readUInt16BE(at + 7);
    at += 2 + image.readUInt16BE(at + 2);
  }
  return 0;
}

/** `c0` to `cf` without the tables that share the range (DHT, JPG, DAC). */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
