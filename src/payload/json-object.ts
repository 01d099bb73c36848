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
    value = JSON.parse(joinPieces(pieces).toString('utf8'));
  } catch (error) {
    return badBody((error as Error).message);
  }
  if (!isJsonObject(value)) return badBody(`expected a JSON object, found ${describe(value)}`);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
