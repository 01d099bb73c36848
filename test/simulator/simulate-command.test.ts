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
    const { out, err, code, stop } = run('--servers', '3', '--port', '0', '--model', 'm', '--endpoints-file', path);
    await eventually(() => out.at(-1)).toBe('ready: 3 model servers');
    const url = out[0]?.split(' ')[1];
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [{ id: 'm' }] });
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

it('keeps servers for roles, and says so in the endpoints file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'simulate-'));
  try {
    const path = join(folder, 'endpoints.yaml');
    const { out, stop, code } = run('--roles', 'prefill=2, decode', '--port', '0', '--endpoints-file', path);
    await eventually(() => out.at(-1)).toBe('ready: 3 model servers');
    expect(out.slice(0, 3).map((line) => line.split(' ').at(-1))).toEqual(['prefill', 'prefill', 'decode']);
    const { endpoints } = parse(await readFile(path, 'utf8'));
    const roles = endpoints.map(({ labels }: { labels: Record<string, string> }) => labels['llm-d.ai/role']);
    expect(roles).toEqual(['prefill', 'prefill', 'decode']);
    stop();
    expect(await code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('names a single server as told, several with a number', async () => {
  const single = run('--servers', '1', '--port', '0', '--name', 'blue');
  const several = run('--servers', '2', '--port', '0', '--name', 'green');
  await eventually(() => single.out.length + several.out.length).toBe(5);
  expect([...single.out, ...several.out].map((line) => line.split(' ')[0])).toEqual([
    'blue',
    'ready:',
    'green-0',
    'green-1',
    'ready:',
  ]);
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
    [['--roles', 'prefil=1'], '--roles: "prefil" is not one of prefill, decode, encode, '],
    [['--roles', 'decode=0'], '--roles: "decode=0" is not ROLE=N, with N from 1 to 1024'],
    [['--roles', 'decode=1=1'], '--roles: "decode=1=1" is not ROLE=N'],
    [['--roles', 'decode=1000,prefill=25'], '--roles: 1025 is not a whole number from 1 to 1024'],
    [['--roles', 'decode', '--servers', '1'], '--servers and --roles: give one of them'],
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
