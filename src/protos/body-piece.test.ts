import { describe, expect, it } from 'vitest';
import { bodyPieceHead } from './body-piece.ts';
import { decodeProcessingResponse } from './ext-proc.ts';

describe('bodyPieceHead', () => {
  for (const side of ['requestBody', 'responseBody'] as const) {
    for (const last of [false, true]) {
      it.each([0, 1, 100, 118, 119, 120, 127, 128, 16_383, 16_384, 62_000, 3_000_000])(
        `is what the generated code reads: ${side}, last ${last}, %i bytes`,
        (bytes) => {
          const piece = Buffer.alloc(bytes, 'x');
          const answer = decodeProcessingResponse(Buffer.concat([bodyPieceHead(side, bytes, last), piece]));
          const streamed = answer[side]?.response?.bodyMutation?.streamedResponse;
          expect(Object.keys(answer)).toEqual([side]);
          expect(streamed?.endOfStream ?? false).toBe(last);
          expect(Buffer.from(streamed?.body ?? []).equals(piece)).toBe(true);
        },
      );
    }
  }
});
