import type { TestProject } from 'vitest/node';
import { BinaryUnavailableError } from '../../src/gateway/wheel-binary.ts';
import { type ClusterBinaries, findBinaries } from './binaries.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Null when there is no API server to be had; every test is skipped then. */
    clusterBinaries: ClusterBinaries | null;
  }
}

/** Finds or builds the API server once, before any test file; says loudly when there will be none. */
export async function setup(project: TestProject): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`== cluster suite: ${line}\n`);
  try {
    project.provide('clusterBinaries', await findBinaries({ env: process.env, onProgress: say }));
  } catch (error) {
    if (!(error instanceof BinaryUnavailableError)) throw error;
    say(`SKIPPED, nothing was tested: ${error.message}`);
    project.provide('clusterBinaries', null);
  }
}
