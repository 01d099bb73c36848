import { status } from '@grpc/grpc-js';
import { bodyPieceHead, type BodySide } from '../../protos/body-piece.ts';
import { encodeProcessingResponse, type ProcessingResponse, type StreamedBody } from '../../protos/ext-proc.ts';
import type { Answer } from '../response.ts';
import { GrpcFault } from './fault.ts';
import { MESSAGE_HEAD_BYTES } from './message-reader.ts';

/** Longer pieces are sent by reference: copying them would cost more than a second write. */
const COPY_BELOW_BYTES = 4096;

const BODY_SIDES: readonly BodySide[] = ['responseBody', 'requestBody'];
const NOTHING = Buffer.alloc(0);

/** Takes bytes to send; false when the peer does not keep up. */
export type WriteBytes = (bytes: Uint8Array) => boolean;

/**
 * Writes an answer as one length-prefixed message of at most `maxBytes`; returns what the last write did. Throws
 * `GrpcFault`, with nothing written, when it would be longer.
 */
export function writeAnswer(answer: Answer, maxBytes: number, write: WriteBytes): boolean {
  if (Buffer.isBuffer(answer)) return write(frame(answer, maxBytes));
  for (const side of BODY_SIDES) {
    const piece = pieceOf(answer, side);
    if (piece !== undefined) return writePiece(piece, side, maxBytes, write);
  }
  return write(frame(encodeProcessingResponse(answer), maxBytes));
}

/** The piece that the answer passes on, when it says nothing else. */
function pieceOf(answer: ProcessingResponse, side: BodySide): StreamedBody | undefined {
  if (answer.dynamicMetadata !== undefined) return undefined;
  return answer[side]?.response?.bodyMutation?.streamedResponse ?? undefined;
}

function writePiece({ body, endOfStream }: StreamedBody, side: BodySide, maxBytes: number, write: WriteBytes): boolean {
  const piece = body ?? NOTHING;
  const head = bodyPieceHead(side, piece.length, endOfStream === true);
  const copied = piece.length < COPY_BELOW_BYTES;
  const length = head.length + piece.length;
  const bytes = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + (copied ? length : head.length));
  writeHead(bytes, length, maxBytes);
  bytes.set(head, MESSAGE_HEAD_BYTES);
  if (copied) bytes.set(piece, MESSAGE_HEAD_BYTES + head.length);
  const room = write(bytes);
  return copied ? room : write(piece);
}

function frame(message: Buffer, maxBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + message.length);
  writeHead(bytes, message.length, maxBytes);
  bytes.set(message, MESSAGE_HEAD_BYTES);
  return bytes;
}

/** Not compressed, and how long it is. */
function writeHead(bytes: Buffer, length: number, maxBytes: number): void {
  if (length > maxBytes) {
    throw new GrpcFault(status.RESOURCE_EXHAUSTED, `Sent message larger than max (${length} vs. ${maxBytes})`);
  }
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
}
