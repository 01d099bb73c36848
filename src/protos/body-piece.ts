/** Which of the two bodies a piece belongs to. */
export type BodySide = 'requestBody' | 'responseBody';

/** A tag (field number and wire type) and the longest length a field of ours can have. */
const MAX_FIELD_HEAD_BYTES = 6;
/** Four messages around the piece, its bytes, and whether it is the last. */
const MAX_HEAD_BYTES = 6 * MAX_FIELD_HEAD_BYTES;

/** `ProcessingResponse.request_body` and `response_body`, both length-delimited. */
const SIDE_TAG: Readonly<Record<BodySide, number>> = { requestBody: 0x1a, responseBody: 0x22 };
/** `BodyResponse.response` */
const RESPONSE_TAG = 0x0a;
/** `CommonResponse.body_mutation` */
const MUTATION_TAG = 0x1a;
/** `BodyMutation.streamed_response` */
const STREAMED_TAG = 0x1a;
/** `StreamedBodyResponse.end_of_stream` and `body` */
const END_TAG = 0x10;
const BODY_TAG = 0x0a;

/** Reused from call to call: what is in it counts until the next one. */
const head = Buffer.alloc(MAX_HEAD_BYTES);

/**
 * The bytes of a `ProcessingResponse` that passes a body piece on, up to the piece itself, which comes last: the
 * answer that every piece of every body gets, so it is written without a tree of objects and the piece is not copied.
 * `bytes`: length of the piece. The result is a view that is good until the next call.
 * Source: envoy/service/ext_proc/v3/external_processor.proto.
 */
export function bodyPieceHead(side: BodySide, bytes: number, last: boolean): Buffer {
  const streamed = (last ? 2 : 0) + (bytes === 0 ? 0 : fieldBytes(bytes));
  const mutation = fieldBytes(streamed);
  const response = fieldBytes(mutation);
  let at = writeField(0, SIDE_TAG[side], fieldBytes(response));
  at = writeField(at, RESPONSE_TAG, response);
  at = writeField(at, MUTATION_TAG, mutation);
  at = writeField(at, STREAMED_TAG, streamed);
  if (last) {
    head[at++] = END_TAG;
    head[at++] = 1;
  }
  if (bytes > 0) at = writeField(at, BODY_TAG, bytes);
  return head.subarray(0, at);
}

/** Length of a length-delimited field with `length` bytes in it. */
function fieldBytes(length: number): number {
  let bytes = 2 + length;
  for (let rest = length; rest >= 0x80; rest >>>= 7) bytes++;
  return bytes;
}

function writeField(start: number, tag: number, length: number): number {
  let at = start;
  head[at++] = tag;
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) head[at++] = (rest & 0x7f) | 0x80;
  head[at++] = rest;
  return at;
}
