import { describe, expect, it } from 'vitest';
import { MAX_LINE_BYTES, SseLines } from './sse-lines.ts';

function linesOf(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const splitter = new SseLines((bytes, start, end) => lines.push(bytes.toString('latin1', start, end)));
  for (const piece of pieces) splitter.push(Buffer.from(piece, 'latin1'));
  splitter.finish();
  return lines;
}

describe('SseLines', () => {
  it.each([
    [['a\nb\n\nc']],
    [['a\r\nb\r\n\r\nc']],
    [['a\rb\r\rc']],
    [['a\r', '\nb\r', '', '\n\r', '\n', 'c']],
    [['a', '\n', 'b', '\r\n', 'c', '\n']],
    [['a\r\nb\nc\r']],
  ])('splits %j', (pieces) => {
    expect(linesOf(pieces)).toEqual(['a', 'b', 'c']);
  });

  it('holds no more than the bound of a line', () => {
    const fits = 'x'.repeat(MAX_LINE_BYTES);
    for (const pieces of [
      [`${fits}\nb\n`],
      [fits.slice(0, 5), `${fits.slice(5)}\n`, 'b'],
      [`${fits}y`, 'y\nb'],
      [`${fits}y\nb`],
    ]) {
      expect(linesOf(pieces).map((line) => line.length)).toEqual([MAX_LINE_BYTES, 1]);
    }
  });
});
