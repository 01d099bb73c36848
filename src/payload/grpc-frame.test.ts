import { describe, expect, it } from 'vitest';
import { Rejection } from '../core/errors.ts';
import { readGrpcMessage } from './grpc-frame.ts';

describe('gRPC frame', () => {
  it.each([
    ['a message', [0, 0, 0, 0, 2, 7, 8], [7, 8]],
    ['an empty message', [0, 0, 0, 0, 0], []],
    ['the first of two', [0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 1, 8], [7]],
  ])('reads %s', (_what, bytes, message) => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const pieces = [Uint8Array.from(bytes.slice(0, cut)), Uint8Array.from(bytes.slice(cut))];
      expect([...(readGrpcMessage(pieces) as Uint8Array)]).toEqual(message);
    }
  });

  it.each([
    ['nothing', []],
    ['half a header', [0, 0, 0, 0]],
    ['half a message', [0, 0, 0, 0, 3, 1, 2]],
    ['a length beyond any body', [0, 255, 255, 255, 255, 1]],
    ['a compressed message', [1, 0, 0, 0, 1, 7]],
  ])('refuses %s', (_what, bytes) => {
    const refused = readGrpcMessage([Uint8Array.from(bytes)]) as Rejection;
    expect(refused).toBeInstanceOf(Rejection);
    expect(refused).toMatchObject({ code: 'BadRequest', message: 'invalid or unsupported gRPC payload' });
  });
});
