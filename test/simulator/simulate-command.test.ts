import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { simulateCommand } from '../../src/cli/simulate.ts';
import { startModelServer } from '../../src/simulator/model-server.ts';
import { eventually } from './eventually.ts';

interface Run {
  readonly out: string[];
  readonly err: string[];
  readonly code: Promise<number>;
  readonly stop: () => void;
}

const runs: Run[] = [];

function run(...args: string[]): Run {
  const [out, err] = [[] as string[], [] as string[]];
  const controller = new AbortController();
  const io = {
    stdout: (line: string) => out.push(line),
    stderr: (line: string) => err.push(line),
    signal: controller.signal,
  };
  const started = { out, err, code: simulateCommand.run(args, io), stop: () => controller.abort() };
  runs.push(started);
  return started;
}

afterEach(async () => {
  for (const one of runs) one.stop();
  await Promise.all(runs.splice(0).map(({ code }) => code));
});

it('starts servers, says where, writes the endpoints file, and stops with 0', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'simulate-'));
  try {
    const path = join(folder, 'endpoints.yaml');
    const served = ['--model', 'm', '--adapters', 'a, b', '--max-loras', '2'];
    const { out, err, code, stop } = run('--servers', '3', '--port', '0', ...served, '--endpoints-file', path);
    await eventually(() => out.at(-1)).toBe('ready: 3 model servers');
    const url = out[0]?.split(' ')[1];
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({
      data: [{ id: 'm' }, { id: 'a' }, { id: 'b' }],
    });
    const { endpoints } = parse(await readFile(path, 'utf8'));
    expect(endpoints).toHaveLength(3);
    expect(endpoints[0]).toMatchObject({ name: 'sim-0', address: '127.0.0.1', port: url?.split(':')[2] });
    stop();
    expect(await code).toBe(0);
    expect(err).toEqual([]);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('--help lists the profiles and stops', async () => {
  const { out, code } = run('--help');
  expect(await code).toBe(0);
  expect(out.join('\n')).toContain('70b-fp8-2xh100');
});

describe('bad flags are one line and exit code 2', () => {
  it.each([
    [['--nonsense'], "Unknown option '--nonsense' (see pointsman simulate --help)"],
    [['extra'], "Unexpected argument 'extra'"],
    [['--servers', '0'], '--servers: 0 is not a whole number from 1 to 1024'],
    [['--servers', '1025'], '--servers: 1025 is not'],
    [['--seed', 'abc'], '--seed: "abc" is not a number'],
    [['--profile', 'x'], 'profile: "x" is not one of'],
    [['--speed', '0'], 'speedUp: 0 is not between'],
    [['--port', '65533', '--servers', '4'], 'port: 65536 is not between'],
  ])('%o', async (args, message) => {
    const { err, code } = run(...args);
    expect(await code).toBe(2);
    expect(err).toHaveLength(1);
    expect(err[0]).toContain(message);
    expect(err[0]).not.toContain('\n');
  });
});

it('a port in use is named, with exit code 1, and nothing is left running', async () => {
  const taken = await startModelServer();
  try {
    const { out, err, code } = run('--servers', '1', '--port', String(taken.port));
    expect(await code).toBe(1);
    expect(err).toEqual([`cannot listen on 127.0.0.1:${taken.port}: port is already in use`]);
    expect(out).toEqual([]);
  } finally {
    await taken.close();
  }
});

it('an endpoints file that cannot be written is exit code 1', async () => {
  const { err, code } = run('--port', '0', '--endpoints-file', '/no/such/folder/file.yaml');
  expect(await code).toBe(1);
  expect(err[0]).toContain('cannot write /no/such/folder/file.yaml');
});
