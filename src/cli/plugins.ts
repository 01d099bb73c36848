import { parseArgs } from 'node:util';
import { CATALOG } from '../app/catalog.ts';
import { type ParameterDoc, parameterDocs } from '../config/json-schema.ts';
import { ALIASES, KNOWN_TYPES } from '../config/known-types.ts';
import { keyText } from '../core/data.ts';
import type { PluginDefinition } from '../core/plugin.ts';
import { didYouMean } from '../lib/nearest.ts';
import type { Command, CommandIo } from './command.ts';

const HELP = `Usage: pointsman plugins [--json] [TYPE]

Lists every plugin type a configuration may name, or documents one: what it does, its parameters and their defaults,
the data it needs and makes.`;

/** Documents plugins from the definitions the loader uses. */
export const pluginsCommand: Command = {
  name: 'plugins',
  summary: 'List plugin types, or document one with its parameters.',
  help: HELP,
  run(args, io) {
    try {
      const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
      const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
      if (values.help === true) io.stdout(HELP);
      else if (positionals.length > 1) throw new Error('more than one type given');
      else if (positionals.length === 1) return Promise.resolve(document(positionals[0], values.json === true, io));
      else list(values.json === true, io);
      return Promise.resolve(0);
    } catch (error) {
      io.stderr(`${(error as Error).message} (see pointsman plugins --help)`);
      return Promise.resolve(2);
    }
  },
};

function list(json: boolean, io: CommandIo): void {
  const definitions = [...CATALOG.values()].sort((a, b) => (kindsOf(a) + a.type < kindsOf(b) + b.type ? -1 : 1));
  if (json) return io.stdout(JSON.stringify(definitions.map(docOf), undefined, 2));
  const rows = definitions.map((each) => [each.type, kindsOf(each), each.stability, each.summary]);
  for (const line of table([['TYPE', 'KIND', 'STABILITY', 'WHAT IT DOES'], ...rows])) io.stdout(line);
}

function document(type: string, json: boolean, io: CommandIo): number {
  const definition = CATALOG.get(type) ?? CATALOG.get(ALIASES.get(type) ?? '');
  if (definition === undefined) {
    const later = KNOWN_TYPES.has(type);
    const why = later ? 'is not supported yet' : `is not a plugin type${didYouMean(type, CATALOG.keys())}`;
    io.stderr(`'${type}' ${why}`);
    return 1;
  }
  if (json) {
    io.stdout(JSON.stringify(docOf(definition), undefined, 2));
    return 0;
  }
  const { parameters, consumes, produces } = docOf(definition);
  io.stdout(`${definition.type} (${kindsOf(definition)}, ${definition.stability})`);
  io.stdout(definition.summary);
  if (definition.stability === 'alpha') io.stdout('Alpha: needs --allow-experimental-plugins.');
  if (definition.instead !== undefined) io.stdout(`Deprecated: ${definition.instead}.`);
  if (consumes.length > 0) io.stdout(`Needs: ${consumes.join(', ')}`);
  if (produces.length > 0) io.stdout(`Makes: ${produces.join(', ')}`);
  io.stdout('');
  if (parameters.length === 0) io.stdout('It takes no parameters.');
  else
    for (const line of table([['PARAMETER', 'TYPE', 'DEFAULT', 'MEANING'], ...parameters.map(rowOf)])) io.stdout(line);
  return 0;
}

interface PluginDoc {
  readonly type: string;
  readonly kinds: readonly string[];
  readonly stability: string;
  readonly summary: string;
  readonly parameters: readonly ParameterDoc[];
  /** Data keys with default parameters; empty where those are not enough to tell. */
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
}

function docOf(definition: PluginDefinition): PluginDoc {
  const { type, kind, also = [], stability, summary } = definition;
  return {
    type,
    kinds: [kind, ...also],
    stability,
    summary,
    parameters: parameterDocs(definition),
    consumes: keysOf(() => definition.consumes?.(defaults(definition)).map(keyText)),
    produces: keysOf(() => definition.produces?.(defaults(definition), type).map(keyText)),
  };
}

/** What the schema makes of no parameters at all; an empty object where it wants some. */
function defaults({ config }: PluginDefinition): unknown {
  const result = config['~run']({ value: {} }, {});
  return 'typed' in result && result.typed ? result.value : {};
}

function keysOf(keys: () => readonly string[] | undefined): readonly string[] {
  try {
    return keys() ?? [];
  } catch {
    return [];
  }
}

function kindsOf({ kind, also = [] }: PluginDefinition): string {
  return [kind, ...also].join(', ');
}

function rowOf({ name, type, fallback, required, description }: ParameterDoc): string[] {
  return [name, type, fallback ?? (required ? '(required)' : ''), description];
}

/** Columns padded to their longest cell, but for the last. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}
