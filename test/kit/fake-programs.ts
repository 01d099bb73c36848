import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A folder of a test's own: `bin` for programs it makes up, `cache` for what is installed. */
export interface FakePrograms {
  readonly folder: string;
  /** Has that `bin` on the PATH before the system's tools, which scripts need, and that cache. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a shell script into `bin`; resolves to its path. */
  add(name: string, script: string): Promise<string>;
}

/** A new one for each test of the suite that calls this, removed after it. */
export function useFakePrograms(): FakePrograms {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
    await mkdir(join(folder, 'bin'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return {
    get folder() {
      return folder;
    },
    get env() {
      return { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, POINTSMAN_CACHE: join(folder, 'cache') };
    },
    async add(name, script) {
      const path = join(folder, 'bin', name);
      await writeFile(path, script);
      await chmod(path, 0o755);
      return path;
    },
  };
}
