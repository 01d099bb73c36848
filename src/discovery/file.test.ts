import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EndpointSpec } from '../core/endpoint.ts';
import { fileDiscovery, startFileDiscovery } from './file.ts';
import type { DiscoverySource } from './source.ts';

let folder: string;
let running: DiscoverySource[];
let replaced: (readonly EndpointSpec[])[];
let lines: string[];
let reloads: number;
let refusals: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-endpoints-'));
  running = [];
  replaced = [];
  lines = [];
  reloads = 0;
  refusals = 0;
});

afterEach(async () => {
  for (const source of running) await source.close();
  await rm(folder, { recursive: true, force: true });
});

const pool = (...names: string[]): string =>
  `endpoints:\n${names.map((name) => `- {name: ${name}, address: 10.0.0.1, port: 8000}\n`).join('')}`;

async function start(path: string, watchFile = true): Promise<DiscoverySource> {
  const log = {
    info: (line: string) => lines.push(`info ${line}`),
    warn: (line: string) => lines.push(`warn ${line}`),
    error: (line: string) => lines.push(`error ${line}`),
  };
  const source = await startFileDiscovery(
    { path, watchFile },
    {
      log,
      sink: { replace: (specs) => replaced.push(specs) },
      onReload: () => reloads++,
      onReloadError: () => refusals++,
    },
  );
  running.push(source);
  return source;
}

const names = (): string[] => replaced.at(-1)?.map(({ name }) => name) ?? [];
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 20 });
const untilPool = (...want: string[]): Promise<void> => until(() => expect(names()).toEqual(want));

/** Lays out what a kubelet does for a ConfigMap volume, and switches it to `text` the way a kubelet does. */
async function publish(volume: string, version: string, text: string): Promise<void> {
  await mkdir(join(volume, `..${version}`), { recursive: true });
  await writeFile(join(volume, `..${version}`, 'endpoints.yaml'), text);
  await symlink(`..${version}`, join(volume, '..data_tmp'));
  await rename(join(volume, '..data_tmp'), join(volume, '..data'));
}

describe('the first load', () => {
  it('fills the sink before it resolves', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, pool('a', 'b'));
    await start(path, false);
    expect(names()).toEqual(['a', 'b']);
    expect(reloads).toBe(0);
  });

  it('rejects what is wrong with every line of it', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, 'endpoints:\n- {name: a, address: 10.0.0.1, port: 0}\n- {name: b, address: x y, port: 1}\n');
    await expect(start(path)).rejects.toMatchObject({
      name: 'ConfigError',
      lines: [
        `${path}:2:38: endpoints[0].port: found 0, expected a port from 1 to 65535`,
        `${path}:3:22: endpoints[1].address: found "x y", expected an IPv4 or IPv6 address or a DNS name, without port`,
      ],
    });
    expect(replaced).toEqual([]);
  });

  it('rejects a missing file, a directory, a pipe and what is not text', async () => {
    await expect(start(join(folder, 'none.yaml'))).rejects.toThrow(/none\.yaml: cannot be read: ENOENT/);
    await expect(start(folder)).rejects.toThrow(/is not a regular file/);
    const pipe = join(folder, 'pipe');
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', pipe]);
    await expect(start(pipe)).rejects.toThrow(/is not a regular file/);
    const binary = join(folder, 'binary');
    await writeFile(binary, Buffer.from([0x61, 0xff, 0xfe]));
    await expect(start(binary)).rejects.toThrow(/cannot be read: .*utf-8/i);
  });

  it('takes a file of 1 MiB and no more', async () => {
    const path = join(folder, 'endpoints.yaml');
    const text = pool('a');
    await writeFile(path, text + '#'.repeat(1024 * 1024 - text.length));
    await start(path, false);
    expect(names()).toEqual(['a']);
    await writeFile(path, text + '#'.repeat(1024 * 1024 - text.length + 1));
    await expect(start(path)).rejects.toThrow(/is larger than 1 MiB/);
  });

  it('warns about a DNS name once', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, 'endpoints: [{name: a, address: llm, port: 1}, {name: b, address: llm, port: 2}]');
    await start(path);
    await writeFile(path, 'endpoints: [{name: c, address: llm, port: 1}]');
    await untilPool('c');
    expect(lines).toEqual([
      'warn endpoint address llm is a DNS name: it needs a gateway that resolves picked endpoints',
    ]);
  });
});

describe('a watched file', () => {
  it('is followed through plain writes', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, pool('a'));
    await start(path);
    for (const name of ['b', 'c', 'd']) {
      await writeFile(path, pool(name));
      await untilPool(name);
    }
    expect(refusals).toBe(0);
  });

  it('is followed through a rename over it', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, pool('a'));
    await start(path);
    for (const name of ['b', 'c']) {
      await writeFile(`${path}.tmp`, pool(name));
      await rename(`${path}.tmp`, path);
      await untilPool(name);
    }
  });

  it('is followed through deletion and return', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, pool('a'));
    await start(path);
    await unlink(path);
    await until(() => expect(refusals).toBe(1));
    expect(lines.at(-1)).toMatch(
      /^error .*endpoints\.yaml: cannot be read: ENOENT.*; the endpoints stay as they were$/,
    );
    expect(names()).toEqual(['a']);
    await writeFile(path, pool('b'));
    await untilPool('b');
  });

  it('is followed in a ConfigMap volume', async () => {
    await publish(folder, '1', pool('a'));
    await symlink('..data/endpoints.yaml', join(folder, 'endpoints.yaml'));
    await start(join(folder, 'endpoints.yaml'));
    for (const version of ['2', '3']) {
      await publish(folder, version, pool(`v${version}`));
      await rm(join(folder, `..${Number(version) - 1}`), { recursive: true });
      await untilPool(`v${version}`);
    }
    expect(refusals).toBe(0);
  });

  it('is followed through a link to another directory', async () => {
    await mkdir(join(folder, 'real'));
    await mkdir(join(folder, 'linked'));
    const real = join(folder, 'real', 'pool.yaml');
    await writeFile(real, pool('a'));
    await symlink(real, join(folder, 'linked', 'endpoints.yaml'));
    await start(join(folder, 'linked', 'endpoints.yaml'));
    await writeFile(real, pool('b'));
    await untilPool('b');
  });

  it('is followed when its whole directory is replaced', async () => {
    const volume = join(folder, 'volume');
    await mkdir(volume);
    await writeFile(join(volume, 'endpoints.yaml'), pool('a'));
    await start(join(volume, 'endpoints.yaml'));
    await rm(volume, { recursive: true });
    await mkdir(volume);
    await writeFile(join(volume, 'endpoints.yaml'), pool('b'));
    await untilPool('b');
    await writeFile(join(volume, 'endpoints.yaml'), pool('c'));
    await untilPool('c');
  });

  it('keeps every endpoint when new content is wrong, and says where', async () => {
    const path = join(folder, 'endpoints.yaml');
    await writeFile(path, pool('a', 'b'));
    await start(path);
    await writeFile(`${path}.tmp`, `${pool('c')}- {name: d, address: 10.0.0.1, port: 99999}\n`);
    await rename(`${path}.tmp`, path);
    await until(() => expect(refusals).toBe(1));
    expect(replaced).toHaveLength(1);
    const wrong = `${path}:3:38: endpoints[1].port: found 99999, expected a port from 1 to 65535`;
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([
      `error ${wrong}; the endpoints stay as they were`,
    ]);
    await writeFile(`${path}.tmp`, pool('e'));
    await rename(`${path}.tmp`, path);
    await untilPool('e');
    expect({ reloads, refusals }).toEqual({ reloads: 1, refusals: 1 });
  });

  it('is not looked at without watchFile, nor after close', async () => {
    const unwatched = join(folder, 'unwatched.yaml');
    const closed = join(folder, 'closed.yaml');
    const witness = join(folder, 'witness.yaml');
    for (const path of [unwatched, closed, witness]) await writeFile(path, pool('a'));
    await start(unwatched, false);
    const source = await start(closed);
    await source.close();
    await source.close();
    await start(witness);
    for (const path of [unwatched, closed]) await writeFile(path, pool('no'));
    await writeFile(witness, pool('yes'));
    await untilPool('yes');
    expect(replaced.flat().map(({ name }) => name)).not.toContain('no');
  });
});

describe('fileDiscovery', () => {
  it('is a plugin whose instance is its settings', () => {
    expect(fileDiscovery.type).toBe('file-discovery');
    expect(fileDiscovery.kind).toBe('discovery');
  });
});
