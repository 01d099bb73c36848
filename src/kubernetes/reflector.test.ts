import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/kit/eventually.ts';
import { MemoryApi, testTiming, type TestTiming } from '../../test/kit/kubernetes.ts';
import { ApiError, errorOf } from './api-error.ts';
import { Reflector } from './reflector.ts';

const PATH = '/api/v1/namespaces/llm/pods';
const pods = { group: '', version: 'v1', plural: 'pods', namespace: 'llm' };
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const reflector of open.splice(0)) await reflector.stop();
});

function rig(api: MemoryApi, timing: TestTiming = testTiming()) {
  const heard: string[] = [];
  const reflector = new Reflector<string>({
    api,
    resource: pods,
    timing,
    read({ metadata }) {
      const value = metadata?.labels?.['v'] ?? '';
      if (value === 'unreadable') throw new TypeError('a fault of ours');
      return value;
    },
    same: (a, b) => a === b,
    listener: {
      changed: () => void heard.push('changed'),
      connected: () => void heard.push('connected'),
      failed: ({ fault }, verb) => void heard.push(`${verb} ${fault}`),
    },
  });
  open.push(reflector);
  reflector.start();
  const items = () => Object.fromEntries([...reflector.items].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const until = (want: Record<string, string>) =>
    eventually(JSON.stringify(want), () => JSON.stringify(items()) === JSON.stringify(want));
  return { reflector, heard, items, until, timing };
}

const label = (v: string) => ({ metadata: { labels: { v } } });

describe('a reflector', () => {
  it('lists in pages and follows every kind of change', async () => {
    const api = new MemoryApi();
    for (let i = 0; i < 250; i++) api.put(PATH, `p${String(i).padStart(3, '0')}`, label('1'));
    const { reflector, items } = rig(api);
    await eventually('a watch', () => api.calls.length === 4);
    expect(reflector.items.size).toBe(250);
    expect(api.calls.slice(0, 4)).toEqual([
      `list ${PATH} limit 100`,
      `list ${PATH} limit 100 at 100`,
      `list ${PATH} limit 100 at 200`,
      `watch ${PATH} from 350`,
    ]);
    api.put(PATH, 'new', label('2'));
    api.put(PATH, 'p000', label('3'));
    api.remove(PATH, 'p001');
    await eventually('the changes', () => items()['new'] === '2' && items()['p000'] === '3' && !('p001' in items()));
    expect(reflector.items.size).toBe(250);
  });

  it('says nothing of changes that do not matter', async () => {
    const api = new MemoryApi();
    api.put(PATH, 'a', label('1'));
    const { heard, until } = rig(api);
    await until({ a: '1' });
    api.put(PATH, 'a', { ...label('1'), status: 'other' });
    api.put(PATH, 'b', label('1'));
    await until({ a: '1', b: '1' });
    expect(heard.filter((line) => line === 'changed')).toHaveLength(2);
  });

  it('goes on where the last watch ended, also after a bookmark alone', async () => {
    const api = new MemoryApi();
    api.put(PATH, 'a', label('1'));
    const { until } = rig(api);
    await until({ a: '1' });
    await eventually('a watch', () => api.calls.length === 2);
    api.bookmark(PATH);
    await eventually('the bookmark was read', async () => {
      api.hangUp();
      await Promise.resolve();
      return api.calls.at(-1) === `watch ${PATH} from 102`;
    });
    api.put(PATH, 'b', label('2'));
    await until({ a: '1', b: '2' });
    expect(api.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
  });

  it('opens another watch when one was silent, and makes nothing of it', async () => {
    const api = new MemoryApi();
    api.put(PATH, 'a', label('1'));
    api.faults.watch.push(new ApiError('idle', 'nothing came'), new ApiError('idle', 'nothing came'));
    const { heard, timing } = rig(api);
    await eventually(
      'the third watch',
      () => api.calls.filter((call) => call === `watch ${PATH} from 101`).length === 3,
    );
    await eventually('it is open', () => heard.includes('connected'));
    expect([heard, timing.waits]).toEqual([['changed', 'connected'], []]);
  });

  it('lists anew when its place is forgotten, losing and inventing nothing', async () => {
    const api = new MemoryApi();
    for (const name of ['a', 'b', 'c']) api.put(PATH, name, label('1'));
    const { heard, until } = rig(api);
    await until({ a: '1', b: '1', c: '1' });
    await eventually('a watch', () => api.calls.length === 2);
    api.faults.watch.push(new ApiError('unreachable', 'gone'), new ApiError('unreachable', 'gone'));
    api.hangUp();
    api.remove(PATH, 'a');
    api.put(PATH, 'b', label('2'));
    api.compact();
    await until({ b: '2', c: '1' });
    expect(heard).toContain('watch expired');
    expect(api.calls.filter((call) => call.startsWith('list'))).toHaveLength(2);
  });

  it('keeps what it knows while the server fails, with pauses that grow and are short again afterwards', async () => {
    const api = new MemoryApi();
    api.put(PATH, 'a', label('1'));
    const { reflector, heard, until, timing } = rig(api);
    await until({ a: '1' });
    await eventually('a watch', () => api.calls.length === 2);
    for (let i = 0; i < 10; i++) api.faults.watch.push(new ApiError('unreachable', 'no'));
    timing.waits.length = 0;
    api.hangUp();
    await eventually('all of them', () => heard.filter((line) => line === 'watch unreachable').length === 10);
    expect(reflector.items.size).toBe(1);
    for (const [i, waited] of timing.waits.slice(0, 11).entries()) {
      const ceiling = Math.min(5_000, 200 * 2 ** i);
      expect(waited).toBeGreaterThanOrEqual(ceiling / 2);
      expect(waited).toBeLessThanOrEqual(ceiling);
    }
    api.put(PATH, 'b', label('1'));
    await until({ a: '1', b: '1' });
    timing.waits.length = 0;
    api.hangUp();
    await eventually('one more watch', () => timing.waits.length > 0);
    expect(timing.waits[0]).toBeLessThanOrEqual(200);
  });

  it('waits as long as the server asks, but not for ever', async () => {
    const api = new MemoryApi();
    api.faults.list.push(errorOf(429, 'busy', '7'), errorOf(503, 'starting', '3600'));
    const { heard, timing, until } = rig(api);
    await until({});
    await eventually('a list', () => heard.includes('connected'));
    expect(heard.slice(0, 2)).toEqual(['list busy', 'list server']);
    expect(timing.waits.slice(0, 2)).toEqual([7_000, 30_000]);
  });

  it('lists in one page after pages outlived the history', async () => {
    const api = new MemoryApi();
    for (let i = 0; i < 150; i++) api.put(PATH, `p${i}`, label('1'));
    const expired = errorOf(410, 'the provided continue parameter is too old');
    const { reflector } = rig(api);
    api.faults.list.push(expired);
    await eventually('the list', () => reflector.items.size === 150);
    expect(api.calls.slice(0, 2)).toEqual([`list ${PATH} limit 100`, `list ${PATH}`]);
  });

  it('lists again and again where it may not watch', async () => {
    const api = new MemoryApi();
    for (let i = 0; i < 100_000; i++) api.faults.watch.push(errorOf(403, 'pods is forbidden'));
    const { heard, until } = rig(api);
    api.put(PATH, 'a', label('1'));
    await until({ a: '1' });
    api.put(PATH, 'a', label('2'));
    await until({ a: '2' });
    expect(heard).toContain('watch forbidden');
    expect(heard).not.toContain('connected');
  });

  it('takes an error event, and an answer that is no list, for what they are', async () => {
    const api = new MemoryApi();
    const { heard, reflector } = rig(api);
    await eventually('a watch', () => heard.includes('connected'));
    api.send(PATH, { type: 'ERROR', object: { code: 500, message: 'etcd is away' } });
    await eventually('the error', () => heard.includes('watch server'));
    api.request = () => Promise.resolve('<html>');
    api.compact();
    api.hangUp();
    await eventually('the garbled list', () => heard.includes('list garbled'));
    expect(reflector.isSynced).toBe(true);
  });

  it('lives on after an object nobody can read', async () => {
    const api = new MemoryApi();
    const { heard, until } = rig(api);
    await eventually('a watch', () => heard.includes('connected'));
    api.put(PATH, 'a', label('1'));
    await until({ a: '1' });
    api.put(PATH, 'b', label('unreadable'));
    await eventually('the fault', () => heard.includes('list garbled'));
    await until({ a: '1' });
    api.put(PATH, 'b', label('2'));
    await until({ a: '1', b: '2' });
  });

  it('does not ask without pause when watches end at once', async () => {
    const api = new MemoryApi();
    const { timing } = rig(api);
    await eventually('a watch', () => api.calls.length === 2);
    for (let i = 2; i < 8; i++) {
      api.hangUp();
      await eventually('another', () => api.calls.length > i);
    }
    expect(timing.waits.length).toBeGreaterThanOrEqual(6);
    expect(Math.max(...timing.waits)).toBeGreaterThan(1_000);
  });
});
