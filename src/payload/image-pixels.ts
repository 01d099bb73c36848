/** Bytes of an image that are looked at; a JPEG may carry a preview before its size. */
const HEAD_BYTES = 65_536;
const HEAD_CHARS = Math.ceil(HEAD_BYTES / 3) * 4;

const DATA_URL = /^data:image\/[\w.+-]+;base64,/i;
const PNG_SIGNATURE = 0x89504e47;
const GIF_SIGNATURE = 0x47494638;
const JPEG_START = 0xffd8;

/** Width times height of the PNG, GIF or JPEG in a `data:` URL; 0 for anything else. */
export function pixelsOfUrl(url: string): number {
  const prefix = DATA_URL.exec(url.slice(0, 64))?.[0];
  return prefix === undefined ? 0 : pixelsOfData(url.slice(prefix.length, prefix.length + HEAD_CHARS));
}

/** The same of an image's base64 data. */
export function pixelsOfData(base64: string): number {
  const image = Buffer.from(base64.slice(0, HEAD_CHARS), 'base64');
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
