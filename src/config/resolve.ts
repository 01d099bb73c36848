import { BUILT_IN_CONFIG } from './built-in.ts';
import { resolveDiscovery, resolveSources } from './data-layer.ts';
import { readDocument, type SourceDocument } from './document.ts';
import { checkFlowControl, resolveSaturationDetector } from './flow-control.ts';
import { resolveGates } from './gates.ts';
import { resolveParsers } from './parsers.ts';
import { ConfigErrors, Problems } from './problems.ts';
import { addMissingProducers, checkNeeds, inDependencyOrder } from './producers.ts';
import { resolveHandler, resolveProfiles } from './profiles.ts';
import type { Catalog, ResolvedConfig, ResolvedPlugin } from './resolved.ts';
import { Roster } from './roster.ts';
import { type Envelope, readEnvelope } from './schema.ts';

/** What resolving a configuration needs besides its text. */
export interface ResolveOptions {
  /** What the text is called in messages: its file, or the flag it came by. */
  readonly source: string;
  readonly catalog: Catalog;
  /** Whether plugins of alpha stability may be used. */
  readonly allowExperimental: boolean;
}

/**
 * Turns the text of an `EndpointPickerConfig` (YAML or JSON) into a configuration with all defaults and references
 * resolved. No text, or an empty one, means the built-in configuration. Throws `ConfigErrors`, and nothing else, with
 * every problem found. The same text always resolves to the same result.
 */
export function resolveConfig(text: string | undefined, options: ResolveOptions): ResolvedConfig {
  const given = text !== undefined && text !== '';
  const source = given ? options.source : 'built-in configuration';
  const document = parse(given ? text : BUILT_IN_CONFIG, source);
  if (document.value === undefined || document.value === null) {
    const { warnings, ...config } = resolveConfig(undefined, options);
    return { ...config, warnings: [...warnings, `${source}: has no content: the built-in configuration is used`] };
  }
  const problems = new Problems(source, document);
  const envelope = readEnvelope(document, problems);
  if (envelope === undefined) throw new ConfigErrors(problems.errors);
  return resolveEnvelope(envelope, options, problems);
}

function parse(text: string, source: string): SourceDocument {
  const read = readDocument(text);
  if ('document' in read) return read.document;
  throw new ConfigErrors(
    read.problems.map(({ position, message }) => `${source}:${position.line}:${position.column}: ${message}`),
  );
}

function resolveEnvelope(envelope: Envelope, options: ResolveOptions, problems: Problems): ResolvedConfig {
  const gates = resolveGates(envelope.featureGates, problems);
  const roster = new Roster(options.catalog, problems);
  for (const [index, declaration] of envelope.plugins.entries()) roster.declare(declaration, ['plugins', index]);
  const profiles = resolveProfiles(envelope, roster, problems);
  const handler = resolveHandler(profiles, roster, problems);
  const parsers = resolveParsers(envelope, roster, problems);
  const saturationDetector = resolveSaturationDetector(envelope, roster, problems);
  const sources = resolveSources(envelope, roster, problems);
  const discovery = resolveDiscovery(envelope, roster, problems);
  checkFlowControl(envelope, gates, roster, problems);
  addMissingProducers(roster, problems);
  checkNeeds(roster, problems);
  if (!options.allowExperimental) refuseExperimental(roster.all, problems);
  const plugins = inDependencyOrder(roster, problems);
  problems.throwIfAny();
  if (handler === undefined) throw new ConfigErrors([`${options.source}: no profile handler configured`]);
  const { warnings } = problems;
  return { plugins, profiles, handler, parsers, saturationDetector, sources, discovery, gates, warnings };
}

function refuseExperimental(plugins: Iterable<ResolvedPlugin>, problems: Problems): void {
  for (const { name, type, definition, path } of plugins) {
    if (definition.stability !== 'alpha') continue;
    const flag = 'but command line flag --allow-experimental-plugins is not set';
    problems.error(path ?? ['plugins'], `plugin '${name}' (type: '${type}') has Alpha stability level, ${flag}`);
  }
}
