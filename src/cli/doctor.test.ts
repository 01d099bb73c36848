import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { doctorCommand } from './doctor.ts';

async function doctor(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const code = await doctorCommand.run(args, {
    stdout: (line) => void stdout.push(line),
    stderr: (line) => void stderr.push(line),
    signal: new AbortController().signal,
  });
  return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') };
}

describe('pointsman doctor', () => {
  it('tells its flags', async () => {
    const { code, stdout } = await doctor('--help');
    expect(code).toBe(0);
    for (const flag of ['--pool-name', '--pool-namespace', '--gateway-url', '--timeout', '--json']) {
      expect(stdout).toContain(flag);
    }
  });

  it('ends when told to, while the API server is silent', async () => {
    const stopping = new AbortController();
    const silent = createServer(() => stopping.abort()).listen(0, '127.0.0.1');
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const folder = await mkdtemp(join(tmpdir(), 'pointsman-doctor-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    const config = {
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(join(folder, 'config'), JSON.stringify(config));
    vi.stubEnv('KUBECONFIG', join(folder, 'config'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const io = { stdout: vi.fn(), stderr: vi.fn(), signal: stopping.signal };
    expect(await doctorCommand.run(['--pool-name=x', '--timeout=10m'], io)).toBe(130);
    expect([io.stdout.mock.calls, io.stderr.mock.calls]).toEqual([[], []]);
  });

  it.each([
    [[], '--pool-name is missing'],
    [['--pool-name=x', '--gateway-url=localhost:80'], '--gateway-url: "localhost:80" is not an http URL'],
    [['--pool-name=x', '--picker-metrics-url=http://'], '--picker-metrics-url: "http://" is not an http URL'],
    [['--pool-name=x', '--timeout=0s'], '--timeout: 0s is not from 1ms to 10m'],
    [['--pool-name=x', '--timeout=601s'], '--timeout: 601s is not from 1ms to 10m'],
    [['--pool-name=x', '--timeout=soon'], '--timeout: "soon"'],
    [['--pool-name=x', '--metrics-token-file=/no/such'], '--metrics-token-file: ENOENT'],
    [['--pool-name=x', '--nonsense'], "Unknown option '--nonsense'"],
  ])('refuses %j', async (args, message) => {
    const { code, stderr, stdout } = await doctor(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('\n');
  });
});
