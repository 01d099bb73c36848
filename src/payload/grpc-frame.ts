import { type Rejection, reject } from '../core/errors.ts';
import { joinPieces } from './json-object.ts';

/** One byte of flags and the message's length, big endian. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const FRAME_HEADER_BYTES = 5;

const BAD_PAYLOAD = reject('BadRequest', 'invalid or unsupported gRPC payload');

/** The first message of a body of gRPC frames; refuses a compressed or cut one. Shares the body's memory. */
export function readGrpcMessage(pieces: readonly Uint8Array[]): Uint8Array | Rejection {
  const body = joinPieces(pieces);
  if (body.length < FRAME_HEADER_BYTES || body[0] !== 0) return BAD_PAYLOAD;
  const end = FRAME_HEADER_BYTES + body.readUInt32BE(1);
  return end > body.length ? BAD_PAYLOAD : body.subarray(FRAME_HEADER_BYTES, end);
}
