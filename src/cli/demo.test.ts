import { describe, expect, it } from 'vitest';
import { demoCommand } from './demo.ts';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (line: string) => void out.push(line),
    stderr: (line: string) => void err.push(line),
    signal: new AbortController().signal,
  };
  const code = await demoCommand.run(args, io);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('pointsman demo', () => {
  it('prints help', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    expect(out).toContain('--once');
  });

  it.each([
    [['--nope'], /Unknown option '--nope'/],
    [['extra'], /Unexpected argument 'extra'/],
    [['--servers', '1'], /--servers: 1 is not a number from 2 to 64/],
    [['--servers', '65'], /--servers: 65 is not a number from 2 to 64/],
    [['--servers', '2.5'], /--servers: 2.5 is not a whole number/],
    [['--seconds', '1.9'], /--seconds: 1.9 is not a number from 2 to 3600/],
    [['--rate', '501'], /--rate: 501 is not a number from 0.1 to 500/],
    [['--rate', ''], /--rate:  is not a number/],
    [['--seed', 'x'], /--seed: x is not a number/],
    [['--gateway', 'nginx'], /--gateway: nginx is not one of auto, envoy, embedded/],
  ])('refuses %j with exit code 2 and one line', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
    expect(err.split('\n')).toHaveLength(1);
  });

  it('runs to its end with the smallest of everything', async () => {
    const args = ['--once', '--seconds', '2', '--rate', '20', '--servers', '2', '--gateway', 'embedded', '--no-secure'];
    const { code, out, err } = await run(...args);
    expect(err).toBe('');
    expect(out).toMatch(/failed +0 /);
    expect(code).toBe(0);
  });
});
