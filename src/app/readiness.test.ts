import { expect, it } from 'vitest';
import { createLog } from '../telemetry/log.ts';
import { Readiness } from './readiness.ts';

it('is ready when every condition holds, and says what does not, once', () => {
  const lines: string[] = [];
  const readiness = new Readiness(
    createLog('info', {
      write(line) {
        const { level, msg } = JSON.parse(line) as { level: string; msg: string };
        lines.push(`${level} ${msg}`);
      },
    }),
  );
  expect(readiness.isReady()).toBe(true);
  const problems: Record<string, string | undefined> = { synced: 'no pool', leader: 'another leads' };
  for (const name of Object.keys(problems)) readiness.require(name, () => problems[name]);
  const look = () => {
    readiness.refresh();
    readiness.refresh();
    return [readiness.isReady(), readiness.explain()];
  };
  expect(look()).toEqual([false, { synced: 'no pool', leader: 'another leads' }]);
  problems['synced'] = undefined;
  expect(look()).toEqual([false, { synced: 'ok', leader: 'another leads' }]);
  expect([readiness.isReady('leader'), readiness.isReady('synced')]).toEqual([true, false]);
  problems['leader'] = undefined;
  expect(look()).toEqual([true, { synced: 'ok', leader: 'ok' }]);
  problems['synced'] = 'gone';
  expect(look()[0]).toBe(false);
  expect(lines).toEqual([
    'warn not ready: no pool; another leads',
    'warn not ready: another leads',
    'info ready',
    'warn not ready: gone',
  ]);
});
