import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ControlServer, startControlServer } from './control-server.ts';
import type { ServerProcess } from './server-process.ts';
import type { Stack } from './stack.ts';

let control: ControlServer;
let done: string[];
let pools: string[][];

beforeEach(async () => {
  done = [];
  pools = [];
  const servers = ['a', 'b'].map((name) => ({
    name,
    port: 1,
    inflict: (fault: string) => (fault === 'hang' ? Promise.reject(new Error('no')) : done.push(`${name} ${fault}`)),
  }));
  const stack = {
    servers,
    picker: { picks: () => ({ a: 3 }), state: () => ({ inflight: 0, residentBytes: 5 }) },
    setEndpoints: (pool: readonly ServerProcess[]) => Promise.resolve(pools.push(pool.map(({ name }) => name))),
  };
  control = await startControlServer(stack as unknown as Stack);
});
afterEach(() => control.close());

const call = async (path: string, body?: unknown): Promise<[number, unknown]> => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${control.url}${path}`, body === undefined ? {} : { method: 'POST', body: text });
  return [answer.status, await answer.json()];
};

it('names servers, counts picks, tells of the picker', async () => {
  const servers = ['a', 'b'].map((name) => ({ name, address: '127.0.0.1:1' }));
  expect(await call('/servers')).toEqual([200, servers]);
  expect(await call('/picks')).toEqual([200, { a: 3 }]);
  expect(await call('/picker')).toEqual([200, { inflight: 0, residentBytes: 5 }]);
});

it('makes servers fail, and says when it cannot', async () => {
  expect(await call('/faults', { server: 'b', fault: 'kill' })).toEqual([200, { server: 'b', fault: 'kill' }]);
  expect(done).toEqual(['b kill']);
  expect(await call('/faults', { server: 'b', fault: 'hang' })).toEqual([500, { error: 'no' }]);
});

it.each([
  ['/faults', { server: 'c', fault: 'kill' }, 400, /^server: there is no "c"$/],
  ['/faults', { server: 'a', fault: 'maim' }, 400, /^fault: /],
  ['/faults', '{', 400, /^the body is not JSON$/],
  ['/faults', ' '.repeat(4_097), 400, /^the body is over 4096 bytes$/],
  ['/churn', { perSecond: 51 }, 400, /^perSecond: /],
  ['/nothing', {}, 404, /^no POST \/nothing; there is GET \/servers, /],
])('refuses %s %j', async (path, body, status, message) => {
  expect(await call(path, body)).toEqual([status, { error: expect.stringMatching(message) }]);
});

it('changes the pool until told to stop, and leaves it whole', async () => {
  expect(await call('/churn', { perSecond: 50 })).toEqual([200, { perSecond: 50 }]);
  await expect.poll(() => pools.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(4);
  expect(pools.slice(0, 4)).toEqual([['b'], ['a', 'b'], ['a'], ['a', 'b']]);
  await call('/churn', { perSecond: 0 });
  const changes = pools.length;
  expect(pools.at(-1)).toEqual(['a', 'b']);
  await control.close();
  expect(pools.length).toBe(changes + 1);
});
