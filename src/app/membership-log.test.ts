import { expect, it } from 'vitest';
import { createLog } from '../telemetry/log.ts';
import { MembershipLog } from './membership-log.ts';

it('tells the first change at once and those of the next second together', () => {
  const lines: unknown[] = [];
  const due: (() => void)[] = [];
  const pass = (): void => {
    for (const run of due.splice(0)) run();
  };
  const log = new MembershipLog(
    createLog('info', { write: (line) => void lines.push(JSON.parse(line)) }),
    (run) => void due.push(run),
  );
  log.note({ added: 2, removed: 0, refused: 0 }, 2);
  for (let i = 0; i < 100; i++) log.note({ added: 1, removed: 1, refused: 0 }, 2);
  expect(lines).toEqual([expect.objectContaining({ added: 2, removed: 0, endpoints: 2, msg: 'endpoints changed' })]);
  pass();
  expect(lines.slice(1)).toEqual([expect.objectContaining({ added: 100, removed: 100, endpoints: 2 })]);
  pass();
  log.note({ added: 0, removed: 0, refused: 0 }, 2);
  expect([lines.length, due.length]).toEqual([2, 0]);
  log.note({ added: 3, removed: 0, refused: 1 }, 5);
  expect(lines.slice(2)).toEqual([expect.objectContaining({ level: 'error', added: 3, refused: 1 })]);
});
