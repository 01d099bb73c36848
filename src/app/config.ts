import { readFile } from 'node:fs/promises';
import { resolveConfig } from '../config/resolve.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { ConfigError } from '../core/errors.ts';
import { CATALOG } from './catalog.ts';

/** Where a configuration comes from; neither means the built-in one. */
export interface ConfigOrigin {
  readonly file: string | undefined;
  readonly text: string | undefined;
  readonly allowExperimental: boolean;
}

/** Reads and resolves a configuration. Rejects with `ConfigError`, or with all problems of the text at once. */
export async function loadConfig({ file, text, allowExperimental }: ConfigOrigin): Promise<ResolvedConfig> {
  const options = { catalog: CATALOG, allowExperimental };
  if (file === undefined) return resolveConfig(text, { ...options, source: '--config-text' });
  return resolveConfig(await readConfigFile(file), { ...options, source: file });
}

async function readConfigFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`failed to load config from a file '${file}' - ${(error as Error).message}`);
  }
}
