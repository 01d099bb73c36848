import { BUILT_IN_CONFIG } from './built-in.ts';
import { checkDataLayer, resolveDiscovery, resolveSources } from './data-layer.ts';
import { readDocument } from './document.ts';
import { checkFlowControl, resolveSaturationDetector } from './flow-control.ts';
import { resolveGates } from './gates.ts';
import { resolveParsers } from './parsers.ts';
import { resolveHealth } from './health.ts';
import { resolveTrust } from './metrics-trust.ts';
import { lintPlugins } from './lint.ts';
import { ConfigErrors, type Problem, problemLine, Problems } from './problems.ts';
import { addMissingProducers, checkNeeds, inDependencyOrder, settleOpenKeys } from './producers.ts';
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

/** What came of a text: a configuration where there is no error, and everything there is to say about it. */
export interface Diagnosis {
  readonly config: ResolvedConfig | undefined;
  /** In the order they were found. */
  readonly problems: readonly Problem[];
}

/**
 * Turns the text of an `EndpointPickerConfig` (YAML or JSON) into a configuration with all defaults and references
 * resolved. No text, or an empty one, means the built-in configuration. Throws `ConfigErrors`, and nothing else, with
 * every problem found. The same text always resolves to the same result.
 */
export function resolveConfig(text: string | undefined, options: ResolveOptions): ResolvedConfig {
  const { config, problems } = diagnoseConfig(text, options);
  if (config !== undefined) return config;
  throw new ConfigErrors(problems.filter(({ severity }) => severity === 'error').map(problemLine));
}

/** The same without throwing: errors and warnings, each with its place. */
export function diagnoseConfig(text: string | undefined, options: ResolveOptions): Diagnosis {
  const given = text !== undefined && text !== '';
  const source = given ? options.source : 'built-in configuration';
  const read = readDocument(given ? text : BUILT_IN_CONFIG);
  if ('problems' in read) {
    const severity = 'error' as const;
    return { config: undefined, problems: read.problems.map((each) => ({ severity, source, path: '', ...each })) };
  }
  const { document } = read;
  if (document.value === undefined || document.value === null) return builtInInstead(source, options);
  const problems = new Problems(source, document);
  const envelope = readEnvelope(document, problems);
  const config = envelope && resolveEnvelope(envelope, options, problems);
  return { config, problems: problems.found };
}

function builtInInstead(source: string, options: ResolveOptions): Diagnosis {
  const { config, problems } = diagnoseConfig(undefined, options);
  const note = new Problems(source);
  note.warn([], 'has no content: the built-in configuration is used');
  return {
    config: config && { ...config, warnings: [...config.warnings, ...note.warnings] },
    problems: [...problems, ...note.found],
  };
}

/** Undefined where the text has errors. */
function resolveEnvelope(envelope: Envelope, options: ResolveOptions, problems: Problems): ResolvedConfig | undefined {
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
  settleOpenKeys(roster);
  addMissingProducers(roster, problems);
  checkNeeds(roster, problems);
  checkDataLayer(envelope, roster, problems);
  if (!options.allowExperimental) refuseExperimental(roster.all, problems);
  const plugins = inDependencyOrder(roster, problems);
  if (handler === undefined && problems.errors.length === 0) problems.error([], 'no profile handler configured');
  if (problems.errors.length > 0 || handler === undefined) return undefined;
  lintPlugins({ envelope, profiles, handler, saturationDetector, discovery, sources }, roster, problems);
  const health = resolveHealth(envelope.health);
  const metricsTrust = resolveTrust(envelope.metricsTrust);
  const settled = { gates, health, metricsTrust, warnings: problems.warnings };
  return { plugins, profiles, handler, parsers, saturationDetector, sources, discovery, ...settled };
}

function refuseExperimental(plugins: Iterable<ResolvedPlugin>, problems: Problems): void {
  for (const { name, type, definition, path } of plugins) {
    if (definition.stability !== 'alpha') continue;
    const flag = 'but command line flag --allow-experimental-plugins is not set';
    problems.error(path ?? ['plugins'], `plugin '${name}' (type: '${type}') has Alpha stability level, ${flag}`);
  }
}
