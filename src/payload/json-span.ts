import type { ByteSpan } from '../core/request.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** The one bit by which `[` and `]` differ from `{` and `}`; no control character is left in valid JSON to confuse. */
const BRACKET_TO_BRACE = 0x20;

const MODEL = Buffer.from('"model"');
/** `"model"` with every letter written as a six-byte escape: no longer key can mean the same. */
const LONGEST_MODEL_KEY = 'model'.length * 6 + 2;

/**
 * Where the value of a body's top-level `model` stands: the last one where the key repeats, since that is the one
 * `JSON.parse` and the model servers go by. An object without a model gets an empty span after its opening brace: the
 * place for one. Undefined for the object `{}`.
 *
 * `bytes` must be a JSON object that `JSON.parse` accepted; nothing is checked here. JSON's own characters are ASCII,
 * and no byte of a longer UTF-8 character, whole or broken, is; so bytes can be scanned without being decoded.
 */
export function modelSpan(bytes: Uint8Array): ByteSpan | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const open = buffer.indexOf(OPEN_BRACE);
  let span: ByteSpan | undefined;
  let members = false;
  let at = skipSpace(buffer, open + 1);
  while (at < buffer.length && buffer[at] !== CLOSE_BRACE) {
    members = true;
    const keyEnd = stringEnd(buffer, at);
    const isModel = namesModel(buffer, at, keyEnd);
    const start = skipSpace(buffer, skipColon(buffer, keyEnd));
    const end = valueEnd(buffer, start);
    if (isModel) span = { start, end };
    at = skipSpace(buffer, end);
    if (buffer[at] === COMMA) at = skipSpace(buffer, at + 1);
  }
  return span ?? (members ? { start: open + 1, end: open + 1 } : undefined);
}

function namesModel(buffer: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length < MODEL.length || length > LONGEST_MODEL_KEY) return false;
  const key = buffer.subarray(start, end);
  if (!key.includes(BACKSLASH)) return key.equals(MODEL);
  return JSON.parse(key.toString('utf8')) === 'model';
}

/** The byte after the value that begins at `start`. */
function valueEnd(buffer: Buffer, start: number): number {
  const first = buffer[start];
  if (first === QUOTE) return stringEnd(buffer, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return containerEnd(buffer, start);
  let at = start;
  while (at < buffer.length && !isSpace(buffer[at]) && buffer[at] !== COMMA && buffer[at] !== CLOSE_BRACE) at++;
  return at;
}

/** The byte after the object or array that begins at `start`; braces and brackets are known to match. */
function containerEnd(buffer: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  while (at < buffer.length) {
    const byte = buffer[at++];
    // Everything in a container but digits, commas and spaces is above the quote or the quote itself.
    if (byte === QUOTE) {
      at = stringEnd(buffer, at - 1);
    } else if (byte > COLON) {
      const shape = byte | BRACKET_TO_BRACE;
      if (shape === OPEN_BRACE) depth++;
      else if (shape === CLOSE_BRACE && --depth === 0) break;
    }
  }
  return at;
}

/** The byte after the closing quote of the string whose opening quote is at `start`. */
function stringEnd(buffer: Buffer, start: number): number {
  let quote = buffer.indexOf(QUOTE, start + 1);
  while (quote !== -1 && isEscaped(buffer, quote)) quote = buffer.indexOf(QUOTE, quote + 1);
  return quote === -1 ? buffer.length : quote + 1;
}

/** An odd run of backslashes before a quote makes it part of the string. */
function isEscaped(buffer: Buffer, quote: number): boolean {
  let at = quote - 1;
  while (buffer[at] === BACKSLASH) at--;
  return (quote - at) % 2 === 0;
}

function skipColon(buffer: Buffer, at: number): number {
  return buffer.indexOf(COLON, at) + 1;
}

function skipSpace(buffer: Buffer, start: number): number {
  let at = start;
  while (isSpace(buffer[at])) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
