import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ANSI_PAINT, explain, type Frame, NO_PAINT, renderLine, renderTable } from './frame.ts';

const FRAME: Frame = {
  elapsedMs: 2_500,
  durationMs: 20_000,
  sent: 10,
  answered: 7,
  failed: 0,
  cutOff: 1,
  rows: [
    {
      name: 'vllm-1',
      up: true,
      served: 5,
      inFlight: 2,
      waiting: 0,
      running: 3,
      kvUsage: 0.041,
      hitRate: 0.5,
      why: [
        { scorer: 'queue-scorer', weight: 2, value: 1 },
        { scorer: 'prefix-cache-scorer', weight: 3, value: 0.9 },
        { scorer: 'lora-affinity-scorer', weight: 1, value: 0 },
      ],
    },
    {
      name: 'vllm-2',
      up: false,
      served: 3,
      inFlight: 0,
      waiting: Number.NaN,
      running: Number.NaN,
      kvUsage: Number.NaN,
      hitRate: Number.NaN,
      why: [],
    },
  ],
  events: ['1', '2', '3', '4', 'vllm-2 is KILLED'],
  firstEvent: 0,
};

describe('a frame of the demo', () => {
  it('is a table in a terminal', () => {
    expect(renderTable(FRAME, 120, NO_PAINT).map((line) => line.trimEnd())).toEqual([
      '2.5 s of 20 s  sent 10  in flight 2  answered 7  cut off 1  failed 0',
      '',
      'server    state  served  in flight  waiting  running   kv  cached  latest request came here because',
      'vllm-1    up          5          2        0        3   4%     50%  prefix-cache 0.90 x 3, queue 1.00 x 2',
      'vllm-2    DOWN        3          0        -        -    -       -',
      '',
      '2',
      '3',
      '4',
      'vllm-2 is KILLED',
    ]);
  });

  it('never gets wider than the terminal, colours aside', () => {
    for (const columns of [40, 60, 80]) {
      for (const line of renderTable(FRAME, columns, NO_PAINT)) expect(line.length).toBeLessThanOrEqual(columns);
      const painted = renderTable(FRAME, columns, ANSI_PAINT).map((line) => stripVTControlCharacters(line));
      expect(painted).toEqual(renderTable(FRAME, columns, NO_PAINT));
    }
  });

  it('is one line elsewhere', () => {
    expect(renderLine(FRAME)).toBe(
      '  2.5 s  sent 10, answered 7, failed 0, cut off 1 | vllm-1 5 served, 2 in flight, 50% cached | vllm-2 DOWN, 3 served',
    );
  });

  it('says what weighed most first', () => {
    expect(explain(FRAME.rows[0].why)).toBe('prefix-cache 0.90 x 3, queue 1.00 x 2');
    expect(explain([])).toBe('');
  });
});
