import { keyText } from '../core/data.ts';
import { hasRole } from '../core/plugin.ts';
import { lintSources } from './lint-sources.ts';
import type { Problems } from './problems.ts';
import type { ResolvedPlugin, ResolvedProfile, ResolvedSource } from './resolved.ts';
import type { Roster } from './roster.ts';
import type { Envelope } from './schema.ts';

/** Scrape interval where a source names none and no flag is known: the flag's default. */
const DEFAULT_INTERVAL_MS = 50;
/** Shorter blocks cost memory and time and find nothing more; the index uses longer ones anyway. */
const SHORTEST_BLOCK_TOKENS = 16;

/** What the parts of a configuration were resolved to. */
export interface LintInput {
  readonly envelope: Envelope;
  readonly profiles: readonly ResolvedProfile[];
  readonly handler: string;
  readonly saturationDetector: string | undefined;
  readonly discovery: string | undefined;
  readonly sources: readonly ResolvedSource[];
}

/** Warns of what is legal and hardly meant. Only for configurations without errors. */
export function lintPlugins(input: LintInput, roster: Roster, problems: Problems): void {
  warnOfWeights(input.envelope, roster, problems);
  warnOfIdleProfiles(input, roster, problems);
  warnOfMissingProfiles(input, roster, problems);
  warnOfIdlePlugins(input, roster, problems);
  warnOfStrangers(roster, problems);
  warnOfShortBlocks(roster, problems);
  warnOfStaleness(input, roster, problems);
  lintSources(input.envelope, input.sources, roster, problems);
}

function warnOfWeights({ schedulingProfiles }: Envelope, roster: Roster, problems: Problems): void {
  for (const [index, { plugins }] of schedulingProfiles.entries()) {
    for (const [at, { pluginRef = '', weight }] of plugins.entries()) {
      const definition = roster.get(pluginRef)?.definition;
      if (weight === undefined || weight > 0 || definition === undefined || !hasRole(definition, 'scorer')) continue;
      const path = ['schedulingProfiles', index, 'plugins', at, 'weight'];
      if (weight === 0) problems.warn(path, `'${pluginRef}' has weight 0: it costs time and decides nothing`);
      else problems.warn(path, `'${pluginRef}' has a negative weight: it prefers what the scorer rates low`);
    }
  }
}

/** A profile the handler never runs. */
function warnOfIdleProfiles({ profiles, handler }: LintInput, roster: Roster, problems: Problems): void {
  const plugin = roster.get(handler);
  const runs = plugin?.definition.profiles?.(plugin.parameters);
  if (runs === undefined) return;
  for (const [index, { name }] of profiles.entries()) {
    if (runs.includes(name)) continue;
    const ran = runs.map((each) => `'${each}'`).join(', ');
    problems.warn(['schedulingProfiles', index, 'name'], `'${handler}' runs ${ran} and never '${name}'`);
  }
}

/** A profile the handler would run and that is not there: the stage it stands for never happens. */
function warnOfMissingProfiles({ profiles, handler }: LintInput, roster: Roster, problems: Problems): void {
  const plugin = roster.get(handler);
  const names = profiles.map(({ name }) => name);
  for (const name of plugin?.definition.profiles?.(plugin.parameters) ?? []) {
    if (names.includes(name)) continue;
    const there = names.map((each) => `'${each}'`).join(', ');
    problems.warn(
      plugin?.path ?? ['plugins'],
      `'${handler}' runs '${name}', which is not in schedulingProfiles (${there})`,
    );
  }
}

/** Filters, scorers and pickers that no profile lists, and sources nothing reads. */
function warnOfIdlePlugins(input: LintInput, roster: Roster, problems: Problems): void {
  const used = new Set(input.profiles.flatMap(({ plugins }) => plugins.map(({ name }) => name)));
  for (const { source, extractors } of input.sources) for (const name of [source, ...extractors]) used.add(name);
  for (const name of [input.saturationDetector, input.discovery]) if (name !== undefined) used.add(name);
  for (const { needs } of roster.all) for (const { name } of needs) used.add(name);
  for (const { name, path, definition } of roster.all) {
    if (path === undefined || used.has(name)) continue;
    if (['filter', 'scorer', 'picker'].includes(definition.kind)) {
      problems.warn(path, `the ${definition.kind} '${name}' is in no scheduling profile: it is never asked`);
    } else if (definition.kind === 'discovery') {
      problems.warn(path, `'${name}' is not in dataLayer.discovery.pluginRef: it finds no endpoints`);
    } else if (definition.kind === 'saturation-detector') {
      problems.warn(path, `'${name}' is not in flowControl.saturationDetector.pluginRef: it is never asked`);
    }
  }
}

/** A producer under a name nobody reads, while a second one was added under the name everybody reads. */
function warnOfStrangers(roster: Roster, problems: Problems): void {
  const read = new Set([...roster.all].flatMap(({ consumes }) => consumes.map(keyText)));
  for (const plugin of roster.all) {
    if (plugin.path === undefined || plugin.produces.length === 0) continue;
    if (plugin.produces.some((key) => read.has(keyText(key)))) continue;
    const twin = [...roster.all].find((other) => other.origin === 'injected' && other.definition === plugin.definition);
    if (twin === undefined) continue;
    const readers = readersOf(twin, roster);
    problems.warn(
      plugin.path,
      `nobody reads '${plugin.name}': ${readers} reads '${twin.name}', which was added with default parameters; drop the name, or name '${plugin.name}' in the reader's parameters`,
    );
  }
}

function readersOf({ produces }: ResolvedPlugin, roster: Roster): string {
  const keys = new Set(produces.map(keyText));
  const readers = [...roster.all].filter(({ consumes }) => consumes.some((key) => keys.has(keyText(key))));
  return readers.map(({ name }) => `'${name}'`).join(', ');
}

function warnOfShortBlocks(roster: Roster, problems: Problems): void {
  for (const { path, parameters, type } of roster.all) {
    if (path === undefined || !type.endsWith('prefix-cache-producer')) continue;
    const tokens = numberAt(parameters, 'blockSizeTokens');
    if (tokens === undefined || tokens >= SHORTEST_BLOCK_TOKENS) continue;
    const wrong = `a block of ${tokens} tokens is shorter than any engine's: write ${SHORTEST_BLOCK_TOKENS} or more`;
    problems.warn([...path, 'parameters', 'blockSizeTokens'], wrong);
  }
}

/** Metrics that count as stale before the next scrape make every server look full. */
function warnOfStaleness({ sources }: LintInput, roster: Roster, problems: Problems): void {
  const intervals = sources.map(({ source }) => numberAt(roster.get(source)?.parameters, 'interval'));
  const slowest = Math.max(DEFAULT_INTERVAL_MS, ...intervals.map((ms) => ms ?? 0));
  for (const { name, path, parameters } of roster.all) {
    const thresholdMs = numberAt(parameters, 'metricsStalenessThreshold');
    if (path === undefined || thresholdMs === undefined || thresholdMs > slowest) continue;
    problems.warn(
      [...path, 'parameters', 'metricsStalenessThreshold'],
      `'${name}' takes metrics for stale after ${thresholdMs}ms, and they are scraped every ${slowest}ms: every server would count as full`,
    );
  }
}

function numberAt(parameters: unknown, name: string): number | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined;
  const value: unknown = Reflect.get(parameters, name);
  return typeof value === 'number' ? value : undefined;
}
