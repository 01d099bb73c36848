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

/** A configuration and the text it was read from. */
export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** Undefined for the built-in configuration. */
  readonly text: string | undefined;
}

/** Reads and resolves a configuration. Rejects with `ConfigError`, or with all problems of the text at once. */
export async function loadConfig(origin: ConfigOrigin): Promise<LoadedConfig> {
  const text = origin.file === undefined ? origin.text : await readConfigFile(origin.file);
  return { config: readConfig(text, origin), text };
}

/** Resolves the text of a configuration. Throws `ConfigErrors` with all its problems. */
export function readConfig(
  text: string | undefined,
  { file, allowExperimental }: Pick<ConfigOrigin, 'file' | 'allowExperimental'>,
): ResolvedConfig {
  return resolveConfig(text, { catalog: CATALOG, allowExperimental, source: file ?? '--config-text' });
}

async function readConfigFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`failed to load config from a file '${file}' - ${(error as Error).message}`);
  }
}
