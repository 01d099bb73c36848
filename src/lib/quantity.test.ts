import { assert, nat, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseByteQuantity, parseQuantity } from './quantity.ts';

describe('parseQuantity', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['1000', 1000],
    ['1k', 1000],
    ['4Mi', 4 * 1024 ** 2],
    ['10Gi', 10 * 1024 ** 3],
    ['1.5Ki', 1536],
    ['1.5', 2],
    ['.5', 1],
    ['5.', 5],
    ['+3', 3],
    ['-1', -1],
    ['-1.5k', -1500],
    ['-0.5', -1],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['1m', 1],
    ['1001m', 2],
    ['1n', 1],
    ['2e3', 2000],
    ['2E3', 2000],
    ['2e-1', 1],
    ['1P', 1e15],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %s as %d', (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });

  it.each([
    ['', /invalid quantity ""/],
    ['.', /invalid quantity/],
    ['k', /invalid quantity/],
    ['1K', /invalid quantity "1K": write a number and k/],
    ['1 k', /invalid quantity/],
    ['1MB', /invalid quantity/],
    ['-9007199254740992', /too large/],
    ['9007199254740992', /too large/],
    ['1E', /too large/],
    ['1e999', /too large/],
    ['9'.repeat(65), /invalid quantity "9{64}\.\.\."/],
  ])('refuses %j', (text, message) => {
    expect(() => parseQuantity(text)).toThrow(message);
  });

  it('reads back every whole number', () => {
    assert(property(nat(), (value) => parseQuantity(String(value)) === value));
  });

  it('answers any text with a whole number or its own error', () => {
    assert(
      property(string({ maxLength: 12 }), (text) => {
        let answer: unknown;
        try {
          answer = parseQuantity(text);
        } catch (error) {
          answer = error instanceof Error ? error.message : error;
        }
        if (typeof answer === 'number') expect(Number.isSafeInteger(answer)).toBe(true);
        else expect(answer).toMatch(/quantity/);
      }),
    );
  });
});

describe('parseByteQuantity', () => {
  it.each([
    ['4MiB', 4 * 1024 ** 2],
    ['25MB', 25_000_000],
    ['512b', 512],
    ['512', 512],
    ['4Mi', 4 * 1024 ** 2],
  ])('reads %s as %d', (text, value) => {
    expect(parseByteQuantity(text)).toBe(value);
  });

  it.each([
    ['B', /invalid quantity "B"/],
    ['1BB', /invalid quantity "1BB"/],
    ['-1MiB', /quantity "-1MiB" is negative/],
  ])('refuses %j, naming it whole', (text, message) => {
    expect(() => parseByteQuantity(text)).toThrow(message);
  });
});
