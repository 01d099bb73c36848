import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { timeoutMsOf } from './timeout.ts';

describe('timeoutMsOf', () => {
  it.each([
    ['2H', 7_200_000],
    ['3M', 180_000],
    ['4S', 4000],
    ['250m', 250],
    ['5000u', 5],
    ['7000000n', 7],
    ['99999999H', 2 ** 31 - 1],
  ])('reads %s', (header, ms) => {
    expect(timeoutMsOf(header)).toBeCloseTo(ms, 6);
  });

  it('knows that there may be none', () => {
    expect(timeoutMsOf(undefined)).toBeUndefined();
  });

  it.each(['', '5', 'S', '5s', '-1S', '123456789S', '1.5S', '5S '])('refuses "%s"', (header) => {
    expect(() => timeoutMsOf(header)).toThrow(
      expect.objectContaining({ code: status.OUT_OF_RANGE, message: `Invalid grpc-timeout value "${header}"` }),
    );
  });
});
