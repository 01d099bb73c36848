import { status } from '@grpc/grpc-js';
import { bodyPieceHead, type BodySide } from '../../protos/body-piece.ts';
import { encodeProcessingResponse, type ProcessingResponse, type StreamedBody } from '../../protos/ext-proc.ts';
import type { Answer } from '../response.ts';
import { GrpcFault } from './fault.ts';
import { framed, MESSAGE_HEAD_BYTES, writeMessageHead } from './message-frame.ts';

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
  if (Buffer.isBuffer(answer)) return writeMessage(answer, maxBytes, write);
  for (const side of BODY_SIDES) {
    const piece = pieceOf(answer, side);
    if (piece !== undefined) return writePiece(piece, side, maxBytes, write);
  }
  return writeMessage(encodeProcessingResponse(answer), maxBytes, write);
}

function writeMessage(message: Buffer, maxBytes: number, write: WriteBytes): boolean {
  checkLength(message.length, maxBytes);
  return write(framed(message));
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
  checkLength(length, maxBytes);
  const bytes = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + (copied ? length : head.length));
  writeMessageHead(bytes, length);
  bytes.set(head, MESSAGE_HEAD_BYTES);
  if (copied) bytes.set(piece, MESSAGE_HEAD_BYTES + head.length);
  const room = write(bytes);
  return copied ? room : write(piece);
}

function checkLength(length: number, maxBytes: number): void {
  if (length <= maxBytes) return;
  throw new GrpcFault(status.RESOURCE_EXHAUSTED, `Sent message larger than max (${length} vs. ${maxBytes})`);
}
