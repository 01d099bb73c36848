import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDurationMs } from './duration.ts';

describe('parseDurationMs', () => {
  it.each([
    ['50ms', 50],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['0', 0],
    ['-0', 0],
    ['0s', 0],
    ['-1s', -1000],
    ['+2s', 2000],
    ['.5s', 500],
    ['5.s', 5000],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['1ns', 1e-6],
    ['1h2m3s4ms', 3_723_004],
    ['2540400h', 2_540_400 * 3_600_000],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBeCloseTo(ms, 9);
  });

  it.each([
    ['', /invalid duration ""/],
    ['-', /invalid duration "-"/],
    ['5', /missing unit in duration "5": write for example "5s"/],
    ['1m5', /missing unit/],
    ['s', /invalid duration/],
    ['.s', /invalid duration/],
    ['1 s', /invalid duration/],
    ['1d', /invalid duration "1d": write a number and a unit/],
    ['1e3s', /invalid duration/],
    ['--1s', /invalid duration/],
    [' 1s', /invalid duration/],
    ['2562048h', /longer than 292 years/],
  ])('refuses %j', (text, message) => {
    expect(() => parseDurationMs(text)).toThrow(message);
  });

  it('answers any text with a number or its own error', () => {
    assert(
      property(string({ maxLength: 20, unit: 'grapheme' }), (text) => {
        let answer: unknown;
        try {
          answer = parseDurationMs(text);
        } catch (error) {
          answer = error instanceof Error ? error.message : error;
        }
        if (typeof answer === 'number') expect(answer).not.toBeNaN();
        else expect(answer).toMatch(/^(invalid duration|missing unit in duration) /);
      }),
    );
  });
});
