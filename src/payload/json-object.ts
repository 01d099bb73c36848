import { type Rejection, reject } from '../core/errors.ts';

/** A JSON object as parsed; nothing about its members is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a body given in pieces as one JSON object, or refuses it with the reason. Bytes that are no UTF-8 are read as
 * U+FFFD inside strings and refused anywhere else; the body that is forwarded keeps them either way.
 */
export function readJsonObject(pieces: readonly Uint8Array[]): JsonObject | Rejection {
  let value: unknown;
  try {
    value = JSON.parse(textOf(pieces));
  } catch (error) {
    return badBody((error as Error).message);
  }
  if (!isJsonObject(value)) return badBody(`expected a JSON object, found ${describe(value)}`);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Longest body put together in memory that is used again; a body that is longer is rare. */
const MAX_SCRATCH_BYTES = 4 * 1024 * 1024;
let scratch = Buffer.alloc(0);

/** The body's text. A body in pieces is put together only for the decoder, so that no copy of it waits for the collector. */
function textOf(pieces: readonly Uint8Array[]): string {
  let bytes = 0;
  for (const { length } of pieces) bytes += length;
  if (pieces.length === 1 || bytes > MAX_SCRATCH_BYTES) return joinPieces(pieces).toString('utf8');
  if (bytes > scratch.length) scratch = Buffer.allocUnsafeSlow(Math.min(MAX_SCRATCH_BYTES, 2 * bytes));
  let at = 0;
  for (const piece of pieces) {
    scratch.set(piece, at);
    at += piece.length;
  }
  return scratch.toString('utf8', 0, bytes);
}

/** The whole body; a single piece is not copied. */
export function joinPieces(pieces: readonly Uint8Array[]): Buffer {
  if (pieces.length !== 1) return Buffer.concat(pieces);
  const [piece] = pieces;
  return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
}

function badBody(reason: string): Rejection {
  return reject('BadRequest', `error unmarshaling request bodyMap: ${reason}`);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
