import { isDeepStrictEqual } from 'node:util';
import { ConfigErrors } from '../config/problems.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { ConfigError } from '../core/errors.ts';
import { FollowedFile } from '../discovery/followed-file.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { readConfig } from './config.ts';

/** What following the configuration file needs. */
export interface ConfigReloadParts {
  /** The file, and what it held when the running configuration was read. */
  readonly file: string;
  readonly text: string | undefined;
  readonly allowExperimental: boolean;
  /** The configuration in force, asked once, at the start. */
  running(): ResolvedConfig;
  /** Puts another one in force; throws `ConfigError`, and changes nothing, when it cannot work. */
  apply(config: ResolvedConfig): void;
  /** Hears of a text that was not taken, one line a problem. */
  refused?(lines: readonly string[]): void;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Follows the configuration file: a changed text that is right replaces the running configuration between two requests,
 * one that is wrong is told line by line and changes nothing. Resolves when the file is watched.
 */
export async function followConfig(parts: ConfigReloadParts): Promise<{ close(): Promise<void> }> {
  const { file: path, metrics, log } = parts;
  const result = metrics.counter('config_reload_total');
  let generation = 1;
  metrics.gauge('config_generation').set(generation);
  const atStart = parts.running();
  let first = true;
  const file = new FollowedFile({
    path,
    apply(text) {
      const unchanged = first && text === parts.text;
      first = false;
      if (unchanged) return [];
      const { lines, config } = read(text, parts);
      if (config === undefined) return lines;
      try {
        const ignored = needsRestart(atStart, config);
        parts.apply(config);
        metrics.gauge('config_generation').set(++generation);
        for (const warning of config.warnings) log.warn(warning);
        for (const what of ignored)
          log.warn({ file: path }, `${what} changed: that takes a restart, the running one stays`);
        log.info({ file: path, generation }, 'configuration reloaded');
        return [];
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        return [`${path}: ${error.message}`];
      }
    },
    onReload: () => result.inc({ result: 'success' }),
    onReloadError(lines) {
      for (const line of lines) log.error(line);
      log.error({ file: path, generation }, 'configuration not reloaded; the last good one stays');
      result.inc({ result: 'failure' });
      parts.refused?.(lines);
    },
  });
  await file.start();
  return file;
}

function read(
  text: string,
  { file, allowExperimental }: ConfigReloadParts,
): { readonly lines: readonly string[]; readonly config?: ResolvedConfig } {
  // An editor empties a file before it writes it; the built-in configuration is not what anybody meant by that.
  if (text.trim() === '') return { lines: [`${file}: is empty`] };
  try {
    return { lines: [], config: readConfig(text, { file, allowExperimental }) };
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error;
    return { lines: error.lines };
  }
}

/** What of a configuration is read at start only, and differs. */
function needsRestart(running: ResolvedConfig, next: ResolvedConfig): string[] {
  const changed: string[] = [];
  if (!isDeepStrictEqual(discoveryOf(running), discoveryOf(next))) changed.push('dataLayer.discovery');
  if (!isDeepStrictEqual(running.gates, next.gates)) changed.push('featureGates');
  return changed;
}

function discoveryOf({ discovery, plugins }: ResolvedConfig): unknown {
  const plugin = plugins.find(({ name }) => name === discovery);
  return [plugin?.type, plugin?.parameters];
}
