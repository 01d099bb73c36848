import { describe, expect, it } from 'vitest';
import { decodeProcessingResponse, encodeProcessingResponse, type ProcessingResponse } from '../../protos/ext-proc.ts';
import { RESPONSE_HEADERS_ANSWER, sendBodyPiece, withMetadata } from '../response.ts';
import { writeAnswer } from './answer-frame.ts';

/** The one message that the answer was written as, and in how many writes. */
function written(answer: ProcessingResponse | Buffer, maxBytes = 1e9): { message: ProcessingResponse; writes: number } {
  const parts: Buffer[] = [];
  writeAnswer(answer, maxBytes, (bytes) => parts.push(Buffer.from(bytes)) > 0);
  const bytes = Buffer.concat(parts);
  expect([bytes[0], bytes.readUInt32BE(1)]).toEqual([0, bytes.length - 5]);
  return { message: decodeProcessingResponse(bytes.subarray(5)), writes: parts.length };
}

function piece(bytes: number, last = false): ProcessingResponse {
  let sent: ProcessingResponse | Buffer | undefined;
  sendBodyPiece({ send: (answer) => (sent = answer) }, 'responseBody', Buffer.alloc(bytes, 'x'), last);
  return sent as ProcessingResponse;
}

describe('writeAnswer', () => {
  it('writes what never changes', () => {
    expect(written(RESPONSE_HEADERS_ANSWER)).toEqual({ message: { responseHeaders: {} }, writes: 1 });
  });

  it.each([
    [0, 1],
    [4095, 1],
    [4096, 2],
    [62_000, 2],
  ])('writes a piece of %i bytes in %i writes', (bytes, writes) => {
    const { message, writes: counted } = written(piece(bytes, true));
    const streamed = message.responseBody?.response?.bodyMutation?.streamedResponse;
    expect([counted, streamed?.body?.length ?? 0, streamed?.endOfStream]).toEqual([writes, bytes, true]);
  });

  it('writes whatever else an answer says', () => {
    const answer = withMetadata(piece(10), { usage: { tokens: 5 } });
    expect(written(answer).message).toEqual(decodeProcessingResponse(encodeProcessingResponse(answer)));
  });

  it('tells whether the peer keeps up', () => {
    expect(writeAnswer(piece(10), 1e9, () => false)).toBe(false);
    expect(writeAnswer(piece(10_000), 1e9, () => false)).toBe(false);
  });

  it('refuses what is too long before it writes anything', () => {
    const write = (): never => {
      throw new Error('written');
    };
    expect(() => writeAnswer(piece(10_000), 10_000, write)).toThrow(
      /^Sent message larger than max \(10015 vs. 10000\)$/,
    );
  });
});
