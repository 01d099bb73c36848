import { type DataKey, keyText } from '../core/data.ts';
import { BRING_THEIR_SOURCE } from './data-layer.ts';
import type { Problems } from './problems.ts';
import type { ResolvedPlugin, ResolvedSource } from './resolved.ts';
import type { Roster } from './roster.ts';
import type { Envelope } from './schema.ts';

/** Warns of data sources and extractors that are legal and come to nothing. */
export function lintSources(
  envelope: Envelope,
  sources: readonly ResolvedSource[],
  roster: Roster,
  problems: Problems,
): void {
  warnOfUnread(envelope, roster, problems);
  warnOfIdle(sources, roster, problems);
  warnOfRivals(envelope, sources, roster, problems);
  warnOfBlind(sources, roster, problems);
}

/** Sources nobody reads. */
function warnOfUnread({ dataLayer }: Envelope, roster: Roster, problems: Problems): void {
  for (const [index, { pluginRef = '', extractors }] of dataLayer.sources.entries()) {
    const path = ['dataLayer', 'sources', index];
    const payload = roster.get(pluginRef)?.definition.payload;
    if (payload === 'object-events' && dataLayer.discovery !== undefined) {
      problems.warn(path, `'${pluginRef}' is inactive: endpoints do not come from Kubernetes`);
    } else if (extractors.length === 0) {
      problems.warn(path, `'${pluginRef}' has no extractors: nothing is fetched`);
    }
  }
}

/** Declared sources and extractors that no source entry lists. */
function warnOfIdle(sources: readonly ResolvedSource[], roster: Roster, problems: Problems): void {
  const listed = new Set(sources.flatMap(({ source, extractors }) => [source, ...extractors]));
  for (const { name, type, path, definition } of roster.all) {
    if (path === undefined || listed.has(name) || BRING_THEIR_SOURCE.has(type)) continue;
    if (definition.kind === 'source') problems.warn(path, `'${name}' is not in dataLayer.sources: nothing is fetched`);
    if (definition.kind === 'extractor') problems.warn(path, `'${name}' is not in dataLayer.sources: it reads nothing`);
  }
}

/** Sources whose extractors write the same signals, each over what the other wrote. */
function warnOfRivals(
  { dataLayer }: Envelope,
  sources: readonly ResolvedSource[],
  roster: Roster,
  problems: Problems,
): void {
  const writers = new Map<string, string>();
  for (const { source, extractors } of sources) {
    const index = dataLayer.sources.findIndex(({ pluginRef }) => pluginRef === source);
    for (const extractor of extractors) {
      const definition = roster.get(extractor)?.definition;
      if (definition?.payload !== 'metrics-page' && definition?.payload !== 'model-list') continue;
      const rival = writers.get(definition.type);
      writers.set(definition.type, source);
      if (rival === undefined || index === -1) continue;
      const wrong = `'${source}' and '${rival}' are both read by a ${definition.type}`;
      problems.warn(['dataLayer', 'sources', index], `${wrong}: each writes over what the other says of an endpoint`);
    }
  }
}

/** Plugins that judge endpoints by something nobody provides. */
function warnOfBlind(sources: readonly ResolvedSource[], roster: Roster, problems: Problems): void {
  const provided = provisions(sources, roster);
  for (const { name, path, definition, parameters } of roster.all) {
    if (path === undefined) continue;
    const lacking = (definition.reads?.(parameters) ?? []).filter((key) => !provided.has(wanted(key)));
    if (lacking.length === 0) continue;
    const keys = lacking.map(keyText).join(', ');
    problems.warn(path, `'${name}' judges by ${keys}, which nothing here provides: all endpoints look the same to it`);
  }
}

/** Keys that are provided, and their names alone for those who take them from anybody. */
function provisions(sources: readonly ResolvedSource[], roster: Roster): ReadonlySet<string> {
  const reading = new Set(sources.flatMap(({ extractors }) => extractors));
  const works = ({ name, type, definition }: ResolvedPlugin): boolean =>
    definition.kind !== 'extractor' || reading.has(name) || BRING_THEIR_SOURCE.has(type);
  const keys = [...roster.all].filter(works).flatMap(({ produces }) => produces);
  return new Set(keys.flatMap((key) => [keyText(key), key.type.name]));
}

function wanted(key: DataKey<unknown>): string {
  return key.producer === '' ? key.type.name : keyText(key);
}
