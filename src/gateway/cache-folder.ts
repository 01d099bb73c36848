import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, sep } from 'node:path';

/** Environment variables, as `process.env` gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where downloads are kept: `$POINTSMAN_CACHE`, else `.cache` of the checkout this file runs from, else
 * `~/.cache/pointsman`.
 */
export function cacheFolder(env: Environment, startFrom: string = import.meta.dirname): string {
  const chosen = env['POINTSMAN_CACHE'];
  if (chosen !== undefined && chosen !== '') return chosen;
  const checkout = findCheckout(startFrom);
  return checkout === undefined ? join(homedir(), '.cache', 'pointsman') : join(checkout, '.cache');
}

function findCheckout(from: string): string | undefined {
  if (from.split(sep).includes('node_modules')) return undefined;
  const parent = dirname(from);
  if (existsSync(join(from, 'src', 'main.ts')) && packageName(join(from, 'package.json')) === 'pointsman') return from;
  return parent === from ? undefined : findCheckout(parent);
}

function packageName(file: string): unknown {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof parsed === 'object' && parsed !== null && 'name' in parsed ? parsed.name : undefined;
  } catch {
    return undefined;
  }
}
