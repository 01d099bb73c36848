import { describe, inject } from 'vitest';
import type { ConfigTools } from './tools.ts';

/** A suite over helm, kustomize and the schemas; skipped where they cannot be had, which the setup says aloud. */
export function configSuite(name: string, body: (tools: ConfigTools) => void): void {
  const tools = inject('configTools');
  if (tools === undefined) describe.skip(name, () => body({ helm: '', kustomize: '', schemas: '', crds: [] }));
  else describe(name, () => body(tools));
}
