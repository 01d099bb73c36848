import type { Path } from './document.ts';
import type { Problems } from './problems.ts';
import type { Roster } from './roster.ts';
import type { Envelope } from './schema.ts';

const DEFAULT_PARSERS = ['openai-parser', 'anthropic-parser', 'vllmhttp-parser', 'passthrough-parser'];

/**
 * Names of the request parsers, in the order they are asked. Source: contract 2.5 and 3.7. A listed name that nobody
 * declared is taken for a type; a second parser of one type would never be asked and is dropped.
 */
export function resolveParsers(envelope: Envelope, roster: Roster, problems: Problems): string[] {
  const listed = listedParsers(envelope, problems);
  if (listed.length === 0) {
    return DEFAULT_PARSERS.flatMap((type) => roster.inject(type, ['requestHandler'])?.name ?? []);
  }
  const names: string[] = [];
  const types = new Set<string>();
  for (const { reference, path } of listed) {
    if (reference === '') {
      problems.error(path, "is missing a 'pluginRef'");
      continue;
    }
    const plugin = roster.inject(reference, path);
    if (plugin === undefined) {
      if (!roster.isBroken(reference)) problems.error(path, `parser '${reference}' is not supported yet`);
    } else if (plugin.definition.kind !== 'parser') {
      problems.error(path, `the plugin "${reference}" is not a parser plugin but a ${plugin.definition.kind}`);
    } else if (types.has(plugin.type)) {
      problems.warn(path, `'${reference}' is a second ${plugin.type}: ignored`);
    } else {
      types.add(plugin.type);
      names.push(plugin.name);
    }
  }
  return names;
}

function listedParsers(envelope: Envelope, problems: Problems): { reference: string; path: Path }[] {
  const { parser } = envelope;
  const listed = envelope.requestHandler.parsers.map(({ pluginRef = '' }, index) => ({
    reference: pluginRef,
    path: ['requestHandler', 'parsers', index, ...(pluginRef === '' ? [] : ['pluginRef'])],
  }));
  if (parser === undefined) return listed;
  const used = listed.length === 0;
  const effect = used ? '' : ' and ignored beside it';
  problems.warn(['parser'], `"parser" is deprecated in favour of "requestHandler.parsers"${effect}`, 'key');
  return used ? [{ reference: parser.pluginRef ?? '', path: ['parser', 'pluginRef'] }] : listed;
}
