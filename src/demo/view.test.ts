import { describe, expect, it } from 'vitest';
import type { Frame } from './frame.ts';
import { LiveView, type Screen } from './view.ts';

const frame = (events: string[], firstEvent = 0): Frame => ({
  elapsedMs: 0,
  durationMs: 1_000,
  sent: 0,
  answered: 0,
  failed: 0,
  cutOff: 0,
  rows: [],
  events,
  firstEvent,
});

const screen = (lines: string[], tty: boolean, rows = 24): Screen => ({
  line: (text) => void lines.push(text),
  tty,
  color: false,
  columns: 80,
  rows,
});

describe('the live view', () => {
  it('goes back up over what it drew in a terminal', () => {
    const lines: string[] = [];
    const view = new LiveView(screen(lines, true), () => frame(['a']));
    view.draw();
    view.stop();
    expect(lines[0].split('\n')).toHaveLength(5);
    expect(lines[1].startsWith('\u001B[5A\u001B[J')).toBe(true);
    expect(lines).toHaveLength(2);
  });

  it('never draws more than fits', () => {
    const lines: string[] = [];
    new LiveView(screen(lines, true, 4), () => frame(['a'])).stop();
    expect(lines[0].split('\n')).toHaveLength(3);
  });

  it('prints each event once elsewhere, and no more than a handful at a time', () => {
    const lines: string[] = [];
    let now = frame(['a']);
    const view = new LiveView(screen(lines, false), () => now);
    view.draw();
    now = frame(['a', 'b']);
    view.draw();
    // Older events were dropped meanwhile: 3 were, "b" was the second.
    now = frame(['d', 'e', 'f', 'g', 'h', 'i'], 3);
    view.stop();
    expect(lines.filter((line) => !line.includes(' sent '))).toEqual([
      'a',
      'b',
      'd',
      'e',
      'f',
      'g',
      'h',
      '        and 1 more events',
    ]);
    expect(lines.join('')).not.toContain('\u001B');
  });
});
