import { isJsonObject, type JsonObject } from './json-object.ts';
import { asBuffer, COLON, OPEN_BRACE, skipSpace } from './response-bytes.ts';
import { SseLines } from './sse-lines.ts';
import type { Usage } from '../core/usage.ts';
import { mergeUsage } from './usage.ts';
import { tellsFailure, type UsageDialect } from './usage-dialects.ts';

const DATA = Buffer.from('data: ');
const DONE = Buffer.from('[DONE]');
const ERROR = Buffer.from('"error"');
const SPACE = 0x20;
const NULL_START = 0x6e;

/**
 * Reads the events of a stream. Every `data:` line is one event: model servers do not spread JSON over several lines.
 * A line is parsed only where its bytes can hold a usage object or an error. Both searches see keys only: inside a
 * JSON string the quotes around a word are escaped.
 */
export class EventStreamReader {
  usage: Usage | undefined;
  failed = false;
  events = 0;
  readonly #dialect: UsageDialect;
  readonly #key: Buffer;
  readonly #lines: SseLines;
  #piece: Buffer | undefined;
  /** Whether a whole line of the current piece can be worth parsing. */
  #promising = false;

  constructor(dialect: UsageDialect) {
    this.#dialect = dialect;
    this.#key = Buffer.from(`"${dialect.key}"`);
    this.#lines = new SseLines((bytes, start, end) => this.#line(bytes, start, end));
  }

  push(piece: Uint8Array): void {
    const bytes = asBuffer(piece);
    this.#piece = bytes;
    this.#promising = bytes.includes(this.#key) || bytes.includes(ERROR);
    this.#lines.push(bytes);
    this.#piece = undefined;
  }

  finish(): void {
    this.#lines.finish();
  }

  #line(bytes: Buffer, start: number, end: number): void {
    const at = dataStart(bytes, start, end);
    if (at === -1 || isDone(bytes, at, end)) return;
    this.events++;
    if (bytes === this.#piece && !this.#promising) return;
    const data = bytes.subarray(at, end);
    if (hasObject(data, this.#key) || hasError(data)) this.#event(data);
  }

  #event(data: Buffer): void {
    const event = parseObject(data);
    if (event === undefined) return;
    this.usage = mergeUsage(this.usage, this.#dialect.ofEvent(event));
    this.failed ||= tellsFailure(event);
  }
}

/** Where the data of a `data:` line starts, -1 for other lines; the space after the colon may be missing. */
function dataStart(bytes: Buffer, start: number, end: number): number {
  const colon = DATA.length - 2;
  if (end - start <= colon + 1) return -1;
  for (let i = 0; i <= colon; i++) if (bytes[start + i] !== DATA[i]) return -1;
  const at = start + colon + 1;
  return bytes[at] === SPACE ? at + 1 : at;
}

function isDone(bytes: Buffer, at: number, end: number): boolean {
  if (end - at < DONE.length) return false;
  for (let i = 0; i < DONE.length; i++) if (bytes[at + i] !== DONE[i]) return false;
  return skipSpace(bytes, at + DONE.length, end) === end;
}

/** Whether `key` names an object somewhere in the data; most servers write `"usage":null` into every event. */
function hasObject(data: Buffer, key: Buffer): boolean {
  for (let at = data.indexOf(key); at !== -1; at = data.indexOf(key, at)) {
    at = skipSpace(data, at + key.length, data.length);
    if (data[at] === COLON && data[skipSpace(data, at + 1, data.length)] === OPEN_BRACE) return true;
  }
  return false;
}

/** Whether the data names an error that is not null, or has the word as a value (`"type":"error"`). */
function hasError(data: Buffer): boolean {
  for (let at = data.indexOf(ERROR); at !== -1; at = data.indexOf(ERROR, at)) {
    at = skipSpace(data, at + ERROR.length, data.length);
    if (data[at] !== COLON || data[skipSpace(data, at + 1, data.length)] !== NULL_START) return true;
  }
  return false;
}

function parseObject(data: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
