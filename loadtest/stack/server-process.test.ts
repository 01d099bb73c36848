import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServerProcess } from './server-process.ts';

let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
  server = await ServerProcess.start('sim-7', folder);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (timeoutMs = 10_000): Promise<Response> =>
  fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], max_tokens: 1 }),
    signal: AbortSignal.timeout(timeoutMs),
  });

it('serves under its name and keeps a log', async () => {
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-inference-pod')).toBe('sim-7');
  expect(await readFile(join(folder, 'sim-7.log'), 'utf8')).toContain('ready: 1 model servers');
});

it('answers 503 until it is well', async () => {
  await server.inflict('errors');
  expect((await ask()).status).toBe(503);
  await server.inflict('none');
  expect((await ask()).status).toBe(200);
});

it('stands still until it is well', async () => {
  await server.inflict('hang');
  await expect(ask(200)).rejects.toThrow(/timeout/);
  await server.inflict('none');
  expect((await ask()).status).toBe(200);
});

it('dies and comes back at its address, again and again', async () => {
  for (let life = 0; life < 2; life += 1) {
    await server.inflict('kill');
    await expect(ask()).rejects.toThrow('fetch failed');
    await server.inflict('none');
    expect((await ask()).status).toBe(200);
  }
});
