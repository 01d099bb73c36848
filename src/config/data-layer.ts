import type { PluginKind } from '../core/kinds.ts';
import { hasRole } from '../core/plugin.ts';
import type { Path } from './document.ts';
import type { Problems } from './problems.ts';
import type { ResolvedPlugin, ResolvedSource } from './resolved.ts';
import type { Roster } from './roster.ts';
import type { Envelope } from './schema.ts';

const METRICS_SOURCE = 'metrics-data-source';
const METRICS_EXTRACTOR = 'core-metrics-extractor';

/** What the text says about data sources, plus the metrics source everybody needs. Source: contract 2.4, 2.5. */
export function resolveSources(envelope: Envelope, roster: Roster, problems: Problems): ResolvedSource[] {
  const { sources: listed, injectDefaults } = envelope.dataLayer;
  const sources: ResolvedSource[] = [];
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
    if (source !== undefined) {
      sources.push({ source: source.name, extractors: readers.flatMap((reader) => reader?.name ?? []) });
    }
  }
  if (!injectDefaults) {
    if (listed.length === 0) {
      problems.error(['dataLayer', 'injectDefaults'], 'data layer enabled but no data sources configured');
    }
  } else if (!listed.some(({ pluginRef }) => pluginRef === METRICS_SOURCE) && !scrapesMetrics(sources, roster)) {
    const source = roster.inject(METRICS_SOURCE, ['dataLayer', 'sources']);
    const extractor = roster.inject(METRICS_EXTRACTOR, ['dataLayer', 'sources']);
    if (source !== undefined && extractor !== undefined) {
      sources.push({ source: source.name, extractors: [extractor.name] });
    }
  }
  return sources;
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
