import type { PageMemory } from './page-memory.ts';

/** Longest status line and headers taken from a server. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Longest chunk-size line, extensions included. */
const MAX_SIZE_LINE_BYTES = 256;

const EMPTY = Buffer.alloc(0);

const STATUS = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;
const HEX = /^[0-9a-fA-F]{1,12}$/;

/** Why a response is no page. */
export type ResponseFault = 'status' | 'too-large' | 'malformed';

type Phase = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'until-close' | 'done';

/**
 * Reads one HTTP/1.x response from the pieces a socket delivers. It knows only what a scrape needs: status 200, a body
 * by length, in chunks or until the connection closes, nothing encoded. Everything else is a fault, after which the
 * connection is of no more use.
 */
export class ResponseReader {
  readonly #maxBodyBytes: number;
  readonly #memory: PageMemory;
  #phase: Phase = 'head';
  /** Bytes of an unfinished head or size line. */
  #pending: Buffer | undefined;
  /** Bytes still to come of the body or the chunk. */
  #left = 0;
  #bodyBytes = 0;
  /** Holds the body at its beginning. */
  #room: Buffer = EMPTY;
  #keepAlive = true;
  fault: ResponseFault | undefined;
  /** One line about the fault. */
  faultText = '';

  /** `maxBodyBytes`: longest body taken. */
  constructor(maxBodyBytes: number, memory: PageMemory) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#memory = memory;
  }

  /** The response is complete and without fault. */
  get done(): boolean {
    return this.#phase === 'done' && this.fault === undefined;
  }

  /** Whether the connection can carry another request after a finished response. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** Nothing of a response has come yet. */
  get untouched(): boolean {
    return this.#phase === 'head' && this.#pending === undefined;
  }

  /** What has come of the body; valid until `release`. */
  get body(): Buffer {
    return this.#room.subarray(0, this.#bodyBytes);
  }

  /** Gives the body's memory back. The response is of no more use. */
  release(): void {
    this.#memory.giveBack(this.#room);
    this.#room = EMPTY;
  }

  /** Takes the next piece, which is copied. `done` or `fault` say afterwards whether more is needed. */
  feed(piece: Buffer): void {
    let rest = piece;
    while (rest.length > 0 && this.fault === undefined) {
      switch (this.#phase) {
        case 'head':
          rest = this.#feedHead(rest);
          break;
        case 'length':
        case 'chunk':
        case 'until-close':
          rest = this.#feedBody(rest);
          break;
        case 'chunk-size':
        case 'chunk-end':
        case 'trailers':
          rest = this.#feedLine(rest);
          break;
        case 'done':
          this.#fail('malformed', 'bytes after the end of the response');
      }
    }
  }

  /** The server ended the connection. True when that was the end of the body. */
  end(): boolean {
    if (this.#phase === 'until-close') this.#phase = 'done';
    return this.done;
  }

  #feedHead(piece: Buffer): Buffer {
    const head = this.#pending === undefined ? piece : Buffer.concat([this.#pending, piece]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1 || end > MAX_HEAD_BYTES) {
      if (head.length > MAX_HEAD_BYTES) this.#fail('malformed', `headers longer than ${MAX_HEAD_BYTES} bytes`);
      this.#pending = Buffer.from(head);
      return EMPTY;
    }
    this.#pending = undefined;
    this.#readHead(head.toString('latin1', 0, end));
    return head.subarray(end + 4);
  }

  #readHead(head: string): void {
    const [statusLine, ...lines] = head.split('\r\n');
    const status = STATUS.exec(statusLine);
    if (status === null) return this.#fail('malformed', 'the answer is not HTTP/1.x');
    if (status[2].startsWith('1')) return;
    if (status[2] !== '200') return this.#fail('status', `HTTP status ${status[2]}`);
    this.#keepAlive = status[1] === '1';
    let length: string | undefined;
    let chunked = false;
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(0, colon)).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === 'content-length') {
        if (length !== undefined && length !== value) return this.#fail('malformed', 'two content lengths');
        length = value;
      } else if (name === 'transfer-encoding') {
        if (value.toLowerCase() !== 'chunked') return this.#fail('malformed', `transfer encoding ${value}`);
        chunked = true;
      } else if (name === 'content-encoding' && value.toLowerCase() !== 'identity') {
        return this.#fail('malformed', `content encoding ${value}`);
      } else if (name === 'connection') {
        this.#keepAlive = this.#keepAlive ? !/\bclose\b/i.test(value) : /\bkeep-alive\b/i.test(value);
      }
    }
    this.#startBody(length, chunked);
  }

  #startBody(length: string | undefined, chunked: boolean): void {
    if (chunked) {
      this.#phase = 'chunk-size';
    } else if (length === undefined) {
      this.#phase = 'until-close';
      this.#left = Number.POSITIVE_INFINITY;
      this.#keepAlive = false;
    } else if (/^\d{1,15}$/.test(length)) {
      this.#expect(Number(length), 'length');
      if (this.#left === 0) this.#phase = 'done';
    } else {
      this.#fail('malformed', 'content length is not a number');
    }
  }

  /** Begins a body or chunk of `bytes` bytes, unless it would be too much. */
  #expect(bytes: number, phase: Phase): void {
    if (this.#bodyBytes + bytes > this.#maxBodyBytes) {
      return this.#fail('too-large', `page is larger than ${this.#maxBodyBytes} bytes`);
    }
    this.#left = bytes;
    this.#phase = phase;
  }

  #feedBody(piece: Buffer): Buffer {
    const taken = Math.min(piece.length, this.#left);
    const bytes = this.#bodyBytes + taken;
    if (bytes > this.#maxBodyBytes) {
      this.#fail('too-large', `page is larger than ${this.#maxBodyBytes} bytes`);
      return EMPTY;
    }
    if (bytes > this.#room.length) this.#room = this.#memory.grow(this.#room, bytes);
    piece.copy(this.#room, this.#bodyBytes, 0, taken);
    this.#bodyBytes = bytes;
    this.#left -= taken;
    if (this.#left === 0) this.#phase = this.#phase === 'chunk' ? 'chunk-end' : 'done';
    return piece.subarray(taken);
  }

  /** Takes one line of the chunked framing: a chunk's size, the end of a chunk, or a trailer. */
  #feedLine(piece: Buffer): Buffer {
    const text = this.#pending === undefined ? piece : Buffer.concat([this.#pending, piece]);
    const end = text.indexOf('\r\n');
    if (end === -1 || end > MAX_SIZE_LINE_BYTES) {
      if (text.length > MAX_SIZE_LINE_BYTES) this.#fail('malformed', 'line in the chunked body is too long');
      this.#pending = Buffer.from(text);
      return EMPTY;
    }
    this.#pending = undefined;
    this.#readLine(text.toString('latin1', 0, end));
    return text.subarray(end + 2);
  }

  #readLine(line: string): void {
    if (this.#phase === 'trailers') {
      if (line === '') this.#phase = 'done';
    } else if (this.#phase === 'chunk-end') {
      if (line !== '') return this.#fail('malformed', 'a chunk is longer than its size');
      this.#phase = 'chunk-size';
    } else {
      const size = line.split(';', 1)[0].trim();
      if (!HEX.test(size)) return this.#fail('malformed', 'chunk size is not a number');
      this.#expect(Number.parseInt(size, 16), 'chunk');
      if (this.#left === 0) this.#phase = 'trailers';
    }
  }

  #fail(fault: ResponseFault, text: string): void {
    this.fault = fault;
    this.faultText = text;
  }
}
