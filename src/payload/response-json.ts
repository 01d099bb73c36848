import { asBuffer, BACKSLASH, CLOSE_BRACE, COLON, HeldBytes, isSpace, OPEN_BRACE, QUOTE } from './response-bytes.ts';
import type { Usage } from '../core/usage.ts';
import { mergeUsage } from './usage.ts';
import type { UsageDialect } from './usage-dialects.ts';

/** A longer usage object is not read; real ones have some hundred bytes. */
export const MAX_USAGE_BYTES = 64 * 1024;

type State = 'key' | 'colon' | 'brace' | 'object';

/**
 * Finds the usage object in a JSON body that passes in pieces, holding nothing else of it: searches `"usage"` (the
 * quotes of a word inside a string are escaped), a colon and a brace, and keeps the bytes to the matching brace.
 * Depth is not tracked: a nested object of this name has no token counts, and the last one with counts wins.
 */
export class JsonBodyReader {
  usage: Usage | undefined;
  readonly failed = false;
  readonly events = 0;
  readonly #dialect: UsageDialect;
  readonly #key: Buffer;
  /** End of the last piece, as long as half a key can be. */
  #tail: Buffer = Buffer.alloc(0);
  #state: State = 'key';
  #depth = 0;
  #inString = false;
  #escaped = false;
  readonly #object = new HeldBytes(MAX_USAGE_BYTES + 1);

  constructor(dialect: UsageDialect) {
    this.#dialect = dialect;
    this.#key = Buffer.from(`"${dialect.key}"`);
  }

  push(piece: Uint8Array): void {
    const bytes = asBuffer(piece);
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  finish(): void {
    this.#object.clear();
  }

  #step(bytes: Buffer, at: number): number {
    if (this.#state === 'key') return this.#seekKey(bytes, at);
    if (this.#state === 'colon') return this.#expect(bytes, at, COLON, 'brace');
    if (this.#state === 'brace') return this.#expect(bytes, at, OPEN_BRACE, 'object');
    return this.#collect(bytes, at);
  }

  #seekKey(bytes: Buffer, at: number): number {
    const key = this.#key;
    if (this.#tail.length > 0) {
      const tail = this.#tail;
      this.#tail = Buffer.alloc(0);
      const seam = Buffer.concat([tail, bytes.subarray(at, at + key.length - 1)]);
      const found = seam.indexOf(key);
      if (found !== -1) {
        this.#state = 'colon';
        return at + found + key.length - tail.length;
      }
      // A piece shorter than the key is all in the seam.
      if (bytes.length - at < key.length - 1) {
        this.#tail = keyStart(seam, key);
        return bytes.length;
      }
    }
    const found = bytes.indexOf(key, at);
    if (found === -1) {
      this.#tail = keyStart(bytes.subarray(at), key);
      return bytes.length;
    }
    this.#state = 'colon';
    return found + key.length;
  }

  #expect(bytes: Buffer, at: number, wanted: number, next: State): number {
    if (isSpace(bytes[at])) return at + 1;
    if (bytes[at] !== wanted) {
      this.#state = 'key';
      return at;
    }
    this.#state = next;
    if (next !== 'object') return at + 1;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#object.clear();
    return at;
  }

  #collect(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && !this.#closes(bytes[at])) at++;
    const closed = at < bytes.length;
    const end = closed ? at + 1 : at;
    const object = this.#object;
    object.append(bytes, from, end);
    if (object.length > MAX_USAGE_BYTES) this.#state = 'key';
    else if (closed) this.#read();
    return end;
  }

  /** Follows one byte of the object; true for its last brace. */
  #closes(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_BRACE) this.#depth++;
    else if (byte === CLOSE_BRACE) this.#depth--;
    return this.#depth === 0;
  }

  #read(): void {
    this.#state = 'key';
    const text = this.#object.bytes.toString('utf8', 0, this.#object.length);
    try {
      this.usage = mergeUsage(this.usage, this.#dialect.shape(JSON.parse(text)));
    } catch {
      // Not JSON after all: the body passes unread.
    }
  }
}

/** The end of `bytes` that can be the start of `key`, copied. */
function keyStart(bytes: Buffer, key: Buffer): Buffer {
  const quote = bytes.lastIndexOf(QUOTE);
  return quote === -1 || bytes.length - quote >= key.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(quote));
}
