import { describe, expect, it } from 'vitest';
import { ScoreBoard } from './score-board.ts';

function read(board: ScoreBoard, profile: string): [slot: number, score: number][] {
  const scores: [number, number][] = [];
  board.visit(profile, (slot, score) => scores.push([slot, score]));
  return scores;
}

describe('a score board', () => {
  it('keeps each profile, whatever becomes of the buffers', () => {
    const board = new ScoreBoard();
    const slots = Uint32Array.of(4, 7);
    const sums = Float64Array.of(1.5, 0, 99);
    board.write('a', slots, sums);
    slots.fill(0);
    sums.fill(0);
    board.write('b', Uint32Array.of(1), Float64Array.of(3));
    expect(read(board, 'a')).toEqual([
      [4, 1.5],
      [7, 0],
    ]);
    expect(read(board, 'b')).toEqual([[1, 3]]);
  });

  it('knows the last run of a profile, and nothing of one that did not run or was cleared', () => {
    const board = new ScoreBoard();
    board.write('a', Uint32Array.of(1), Float64Array.of(3));
    board.write('a', Uint32Array.of(2), Float64Array.of(4));
    expect(read(board, 'a')).toEqual([[2, 4]]);
    expect(read(board, 'b')).toEqual([]);
    board.clear();
    expect(read(board, 'a')).toEqual([]);
  });
});
