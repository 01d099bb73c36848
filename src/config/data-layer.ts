import type { PluginKind } from '../core/kinds.ts';
import { hasRole, type Payload } from '../core/plugin.ts';
import type { Path } from './document.ts';
import type { Problems } from './problems.ts';
import type { ResolvedPlugin, ResolvedSource } from './resolved.ts';
import type { Roster } from './roster.ts';
import type { Envelope } from './schema.ts';

const METRICS_SOURCE = 'metrics-data-source';
const METRICS_EXTRACTOR = 'core-metrics-extractor';
const OBJECT_SOURCE = 'k8s-notification-source';
/** Types that hear of endpoints without being listed with a source. */
export const BRING_THEIR_SOURCE: ReadonlySet<string> = new Set(['topology-extractor', 'inflight-load-producer']);

/** What a source fetches, in words. */
const PAYLOADS: Readonly<Record<Payload, string>> = {
  'metrics-page': 'metrics pages',
  'model-list': 'lists of models',
  'endpoint-events': 'endpoint events',
  'object-events': 'Kubernetes objects',
};

/** What the text says about data sources, plus the metrics source everybody needs. Source: contract 2.4, 2.5, 4.2. */
export function resolveSources(envelope: Envelope, roster: Roster, problems: Problems): ResolvedSource[] {
  const { sources: listed, injectDefaults } = envelope.dataLayer;
  const sources: ResolvedSource[] = [];
  const known = new Map<string, string>();
  for (const [index, { pluginRef, extractors }] of listed.entries()) {
    const path = ['dataLayer', 'sources', index];
    const source = lookUp(pluginRef, path, ['source'], 'a data source', roster, problems);
    // A producer may read what a source says about endpoints, so it is a legal extractor.
    const readers = extractors.map((extractor, at) =>
      lookUp(
        extractor.pluginRef,
        [...path, 'extractors', at],
        ['extractor', 'producer'],
        'an extractor',
        roster,
        problems,
      ),
    );
    if (source === undefined) continue;
    checkTwin(source, known, [...path, 'pluginRef'], problems);
    checkReaders(source, readers, path, problems);
    sources.push({ source: source.name, extractors: readers.flatMap((reader) => reader?.name ?? []) });
  }
  if (
    injectDefaults &&
    !listed.some(({ pluginRef }) => pluginRef === METRICS_SOURCE) &&
    !scrapesMetrics(sources, roster)
  ) {
    const source = roster.inject(METRICS_SOURCE, ['dataLayer', 'sources']);
    const extractor = roster.inject(METRICS_EXTRACTOR, ['dataLayer', 'sources']);
    if (source !== undefined && extractor !== undefined) {
      sources.push({ source: source.name, extractors: [extractor.name] });
    }
  }
  return sources;
}

/** Reports a data layer with nothing in it, once every plugin is known: some bring their source. Source: contract 2.5. */
export function checkDataLayer({ dataLayer }: Envelope, roster: Roster, problems: Problems): void {
  if (dataLayer.injectDefaults || dataLayer.sources.length > 0 || roster.incomplete) return;
  if ([...roster.all].some(({ type }) => BRING_THEIR_SOURCE.has(type))) return;
  problems.error(['dataLayer', 'injectDefaults'], 'data layer enabled but no data sources configured');
}

/** Name of the discovery plugin, undefined when endpoints come from Kubernetes. Source: contract 5.3, 5.4. */
export function resolveDiscovery(envelope: Envelope, roster: Roster, problems: Problems): string | undefined {
  const { discovery, peerDiscovery, crossReplicaSyncerPluginRef: syncer } = envelope.dataLayer;
  if (peerDiscovery !== undefined) {
    problems.warn(['dataLayer', 'peerDiscovery'], '"peerDiscovery" has no effect: replicas do not share state', 'key');
  }
  if (syncer !== undefined && syncer !== '') {
    const path = ['dataLayer', 'crossReplicaSyncerPluginRef'];
    problems.error(path, `the plugin "${syncer}" is not a cross-replica syncer: none exists, leave the key out`);
  }
  if (discovery === undefined) return undefined;
  const path = ['dataLayer', 'discovery', 'pluginRef'];
  const name = discovery.pluginRef ?? '';
  const plugin = roster.get(name);
  if (plugin === undefined) {
    if (!roster.isBroken(name)) {
      problems.error(path, `discovery: no plugin found with name "${name}"${roster.undefinedHint(name)}`);
    }
  } else if (plugin.definition.kind !== 'discovery') {
    problems.error(
      path,
      `discovery: plugin "${name}" does not implement EndpointDiscovery, it is a ${plugin.definition.kind}`,
    );
  }
  return name;
}

/** Two sources of one page would fetch it twice and write the same signals, whatever the instances are called. */
function scrapesMetrics(sources: readonly ResolvedSource[], roster: Roster): boolean {
  return sources.some(
    ({ source, extractors }) =>
      roster.get(source)?.type === METRICS_SOURCE &&
      extractors.some((extractor) => roster.get(extractor)?.type === METRICS_EXTRACTOR),
  );
}

/** One source listed twice, or two that watch the same objects. `known`: what was listed before, by what it is. */
function checkTwin(
  { name, type, parameters }: ResolvedPlugin,
  known: Map<string, string>,
  path: Path,
  problems: Problems,
): void {
  if (known.has(name)) {
    problems.error(path, `duplicate source name '${name}': list its extractors in one place`);
    return;
  }
  known.set(name, name);
  if (type !== OBJECT_SOURCE) return;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the output of that type's schema
  const { group, version, kind } = parameters as {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  };
  const objects = `${group}/${version}, Kind=${kind}`;
  const earlier = known.get(objects);
  if (earlier === undefined) known.set(objects, name);
  else problems.error(path, `duplicate notification source GVK ${objects}: '${earlier}' has it already`);
}

/** Extractors that cannot read what the source fetches, or that would do the same thing twice. */
function checkReaders(
  source: ResolvedPlugin,
  readers: readonly (ResolvedPlugin | undefined)[],
  path: Path,
  problems: Problems,
): void {
  const known = new Map<string, string>();
  for (const [at, reader] of readers.entries()) {
    if (reader === undefined) continue;
    const where = [...path, 'extractors', at, 'pluginRef'];
    const twin = known.get(reader.type);
    if (twin !== undefined) {
      const both =
        twin === reader.name ? `'${twin}' is listed twice` : `'${twin}' and '${reader.name}' are of one type`;
      problems.error(where, `duplicate extractor type configured for the same source: ${both} (${reader.type})`);
    }
    known.set(reader.type, reader.name);
    const fetched = source.definition.payload;
    const read = payloadOf(reader);
    if (fetched === undefined || read === undefined || fetched === read) continue;
    const wrong = `'${reader.name}' reads ${PAYLOADS[read]}, and '${source.name}' has ${PAYLOADS[fetched]}`;
    problems.error(where, `${wrong}: list it with another source`);
  }
}

function payloadOf({ definition }: ResolvedPlugin): Payload | undefined {
  return definition.payload ?? (hasRole(definition, 'producer') ? 'endpoint-events' : undefined);
}

function lookUp(
  reference: string | undefined,
  path: Path,
  kinds: readonly PluginKind[],
  role: string,
  roster: Roster,
  problems: Problems,
): ResolvedPlugin | undefined {
  if (reference === undefined || reference === '') {
    problems.error(path, "is missing a 'pluginRef'");
    return undefined;
  }
  const plugin = roster.get(reference);
  const at = [...path, 'pluginRef'];
  if (plugin === undefined) {
    if (!roster.isBroken(reference)) {
      problems.error(at, `the plugin ${reference} is not registered${roster.undefinedHint(reference)}`);
    }
    return undefined;
  }
  if (kinds.some((kind) => hasRole(plugin.definition, kind))) return plugin;
  problems.error(at, `the plugin ${reference} is not ${role} but a ${plugin.definition.kind}`);
  return undefined;
}
