import { HeldBytes } from './response-bytes.ts';

/** Called with a line without its end: `bytes[start, end)`, valid during the call only. */
export type OnLine = (bytes: Buffer, start: number, end: number) => void;

/** Lines longer than this are not read: nothing a picker looks for is that long. */
export const MAX_LINE_BYTES = 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits an event stream into lines wherever the pieces are cut; LF, CRLF and CR end a line. A line inside one piece
 * is handed on where it lies; only a line over a border is copied, at most `MAX_LINE_BYTES` of it. Of a longer line
 * the start is handed on alone, cut at the bound.
 */
export class SseLines {
  readonly #onLine: OnLine;
  readonly #held = new HeldBytes(MAX_LINE_BYTES);
  /** The last piece ended with CR: an LF at the start of the next belongs to it. */
  #afterCr = false;

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
  }

  push(bytes: Buffer): void {
    let start = 0;
    if (this.#afterCr && bytes.length > 0) {
      this.#afterCr = false;
      if (bytes[0] === LF) start = 1;
    }
    // A bare CR cannot stand inside JSON, so most streams never leave this quick way.
    const cr = bytes.indexOf(CR, start);
    if (cr === -1) {
      for (let lf = bytes.indexOf(LF, start); lf !== -1; lf = bytes.indexOf(LF, start)) {
        this.#line(bytes, start, lf);
        start = lf + 1;
      }
    } else {
      start = this.#mixedEnds(bytes, start);
    }
    if (start < bytes.length) this.#held.append(bytes, start, bytes.length);
  }

  /** The stream ended: what follows the last line end is a line too. */
  finish(): void {
    if (this.#held.length > 0) this.#line(this.#held.bytes, 0, 0);
  }

  #mixedEnds(bytes: Buffer, from: number): number {
    let start = from;
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte !== LF && byte !== CR) continue;
      this.#line(bytes, start, i);
      if (byte === CR) {
        if (i + 1 === bytes.length) this.#afterCr = true;
        else if (bytes[i + 1] === LF) i++;
      }
      start = i + 1;
    }
    return start;
  }

  #line(bytes: Buffer, start: number, end: number): void {
    const held = this.#held;
    if (held.length === 0) {
      const bounded = Math.min(end, start + MAX_LINE_BYTES);
      if (bounded > start) this.#onLine(bytes, start, bounded);
      return;
    }
    held.append(bytes, start, end);
    const { length } = held;
    held.clear();
    this.#onLine(held.bytes, 0, length);
  }
}
