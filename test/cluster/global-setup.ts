import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type BuildOptions, type OutputOptions } from 'rolldown';
import type { TestProject } from 'vitest/node';
import bundle from '../../rolldown.config.ts';
import { ProgramUnavailableError } from '../../src/gateway/wheel-program.ts';
import { type ClusterBinaries, findBinaries } from './binaries.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Null when there is no API server to be had; every test is skipped then. */
    clusterBinaries: ClusterBinaries | null;
    /** The program under test, bundled as in the image: what ships, and it starts in a quarter of the time. */
    pickerMain: string;
  }
}

let folder: string | undefined;

/** Finds or builds the API server once, before any test file; says loudly when there will be none. */
export async function setup(project: TestProject): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`== cluster suite: ${line}\n`);
  try {
    project.provide('clusterBinaries', await findBinaries({ env: process.env, onProgress: say }));
    folder = await mkdtemp(join(tmpdir(), 'pointsman-bundle-'));
    await build({ ...(bundle as BuildOptions), output: { ...(bundle.output as OutputOptions), dir: folder } });
    project.provide('pickerMain', join(folder, 'pointsman.js'));
  } catch (error) {
    if (!(error instanceof ProgramUnavailableError)) throw error;
    say(`SKIPPED, nothing was tested: ${error.message}`);
    project.provide('clusterBinaries', null);
  }
}

export async function teardown(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
