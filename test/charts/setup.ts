import type { TestProject } from 'vitest/node';
import { findConfigTools, type ConfigTools } from './tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Undefined where there is no Go, and the suites that need it are skipped. */
    configTools: ConfigTools | undefined;
  }
}

/** Installs what the suites need, once; says so in one line where that cannot be. */
export async function setup(project: TestProject): Promise<void> {
  const tools = await findConfigTools((line) => process.stderr.write(`${line}\n`));
  if (tools === undefined) {
    process.stderr.write(
      'SKIPPED: charts and manifests are not checked, because there is no Go here to build helm with\n',
    );
  }
  project.provide('configTools', tools);
}
