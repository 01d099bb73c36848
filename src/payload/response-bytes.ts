/** The same memory with Buffer's searches. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The first byte from `at` that is no JSON space; `end` when there is none. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && isSpace(bytes[i])) i++;
  return i;
}

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

/** Bytes kept over a border between pieces, at most `maxBytes`; what comes after them is dropped. */
export class HeldBytes {
  readonly maxBytes: number;
  /** The bytes are `[0, length)` of this; a larger one takes its place as they grow. */
  bytes: Buffer = Buffer.alloc(0);
  length = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Copies, because a slice would keep the whole piece alive. */
  append(from: Buffer, start: number, end: number): void {
    const length = Math.min(this.length + end - start, this.maxBytes);
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(FIRST_CAPACITY, length * 2), this.maxBytes));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    from.copy(this.bytes, this.length, start, start + length - this.length);
    this.length = length;
  }

  clear(): void {
    this.length = 0;
  }
}

const FIRST_CAPACITY = 1024;
