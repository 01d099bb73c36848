import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEnvoy } from './envoy-process.ts';

describe('starting Envoy', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const program = async (text: string): Promise<string> => {
    const path = join(folder, 'envoy');
    await writeFile(path, text);
    await chmod(path, 0o755);
    return path;
  };

  it('tells in one line why it ended', async () => {
    const binary = await program('#!/bin/sh\necho "[1][critical][main] no such field" >&2\nexit 1\n');
    await expect(startEnvoy({ binary, config: {} })).rejects.toThrow(
      'Envoy did not start: it ended with code 1; [1][critical][main] no such field',
    );
  });

  it('tells when it is not there', async () => {
    await expect(startEnvoy({ binary: join(folder, 'nowhere'), config: {} })).rejects.toThrow(/ENOENT/);
  });

  it('gives up on one that never gets ready, and leaves no process behind', async () => {
    const pidFile = join(folder, 'pid');
    const binary = await program(`#!/bin/sh\ntrap '' TERM\necho $$ > ${pidFile}\nwhile :; do sleep 0.1; done\n`);
    const started = startEnvoy({ binary, config: {}, readyTimeoutMs: 300, stopTimeoutMs: 100 });
    await expect(started).rejects.toThrow('Envoy did not start: not ready in time');
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });
});
