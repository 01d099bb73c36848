import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';

const README = join(import.meta.dirname, '../../README.md');
const BEGIN = '<!-- plugins: what `pointsman plugins` lists; UPDATE_README=1 npx vitest run test/docs writes it -->\n';
const END = '<!-- /plugins -->\n';

/** Rows of the table, in the order people look for them; kinds that are not named come last. */
const KINDS = [
  'scorer',
  'filter',
  'picker',
  'profile-handler',
  'decider',
  'producer',
  'admitter',
  'hook',
  'saturation-detector',
  'parser',
  'source',
  'extractor',
  'discovery',
];

function pluginTable(definitions: readonly PluginDefinition[]): string {
  const place = (kind: string): number => KINDS.indexOf(kind) + 1 || KINDS.length + 1;
  const byKind = [...Map.groupBy(definitions, ({ kind }) => kind)].sort(
    ([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1),
  );
  const rows = byKind.map(([kind, members]) => {
    const types = members.map(nameOf).sort();
    return `| ${kind.replaceAll('-', ' ')} | ${types.join(', ')} |`;
  });
  return ['| kind | types |', '|---|---|', ...rows, ''].join('\n');
}

function nameOf({ type, stability, also = [] }: PluginDefinition): string {
  const notes = [...(stability === 'beta' ? [] : [stability]), ...also.map((kind) => `also a ${kind}`)];
  return `\`${type}\`${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}

describe('the README', () => {
  it('lists the plugins there are', () => {
    const text = readFileSync(README, 'utf8');
    const begin = text.indexOf(BEGIN) + BEGIN.length;
    const end = text.indexOf(END);
    expect(begin, 'the marks around the table').toBeGreaterThan(BEGIN.length);
    const table = pluginTable([...CATALOG.values()]);
    if (process.env['UPDATE_README'] !== undefined) {
      writeFileSync(README, text.slice(0, begin) + table + text.slice(end));
      return;
    }
    expect(text.slice(begin, end)).toBe(table);
  });

  it.each(COMMANDS.map(({ name }) => name))('names the command %s', (name) => {
    expect(readFileSync(README, 'utf8')).toContain(`\`pointsman ${name}`);
  });
});
