import type { PluginKind } from '../core/kinds.ts';
import { hasRole, type PluginDefinition } from '../core/plugin.ts';
import type { Path } from './document.ts';
import type { Problems } from './problems.ts';
import type { ResolvedProfile, ResolvedProfilePlugin } from './resolved.ts';
import type { Roster } from './roster.ts';
import type { Envelope } from './schema.ts';

const IN_PROFILES: readonly PluginKind[] = ['filter', 'scorer', 'picker'];
const DEFAULT_WEIGHT = 1;
const DEFAULT_PICKER = 'max-score-picker';
const DEFAULT_HANDLER = 'single-profile-handler';

type Entry = Envelope['schedulingProfiles'][number];

/**
 * The scheduling profiles with a picker each. Source: contract 2.4 and 2.5. Where the reference chooses by map order,
 * the order of the text decides here: a text without profiles gets one with every filter, scorer and picker it lists,
 * and a profile without a picker gets the first one listed.
 */
export function resolveProfiles(envelope: Envelope, roster: Roster, problems: Problems): ResolvedProfile[] {
  const entries = envelope.schedulingProfiles;
  const profiles = entries.length > 0 ? readProfiles(entries, roster, problems) : [everything(roster, problems)];
  const [first] = roster.ofKind('picker');
  for (const profile of profiles) {
    if (profile.plugins.some(({ name }) => isPicker(roster, name)) || profile.hasBroken) continue;
    const picker = first ?? roster.inject(DEFAULT_PICKER, ['schedulingProfiles']);
    if (picker !== undefined) profile.plugins.push({ name: picker.name, weight: DEFAULT_WEIGHT });
  }
  return profiles.map(({ name, plugins }) => ({ name, plugins }));
}

/** Name of the one profile handler; undefined after reporting why there is none. Source: contract 2.4 step 6. */
export function resolveHandler(
  profiles: readonly ResolvedProfile[],
  roster: Roster,
  problems: Problems,
): string | undefined {
  const [handler, second] = roster.ofKind('profile-handler');
  if (second !== undefined) {
    const names = `('${handler.name}','${second.name}')`;
    problems.error(['plugins'], `multiple profile handlers found ${names}; only one is allowed`);
    return undefined;
  }
  if (handler === undefined) {
    if (profiles.length === 1) return roster.inject(DEFAULT_HANDLER, ['schedulingProfiles'])?.name;
    if (!roster.incomplete)
      problems.error(['schedulingProfiles'], 'no profile handler configured: two profiles need one');
    return undefined;
  }
  if (handler.type === DEFAULT_HANDLER && profiles.length > 1) {
    const found = `found ${profiles.length}: leave one, or declare another handler`;
    problems.error(
      ['schedulingProfiles'],
      `SingleProfileHandler cannot support multiple scheduling profiles, ${found}`,
    );
  }
  return handler.name;
}

interface Draft {
  readonly name: string;
  readonly plugins: ResolvedProfilePlugin[];
  /** Whether it lists a plugin that could not be resolved and may well be its picker. */
  hasBroken: boolean;
}

function readProfiles(entries: readonly Entry[], roster: Roster, problems: Problems): Draft[] {
  const seen = new Set<string>();
  return entries.map((entry, index) => {
    const path = ['schedulingProfiles', index];
    const name = entry.name ?? '';
    if (name === '') problems.error(path, `schedulingProfiles[${index}] is missing a name`);
    else if (seen.has(name)) problems.error(path, `schedulingProfiles[${index}] has duplicate name '${name}'`);
    seen.add(name);
    return readProfile(name, entry, path, roster, problems);
  });
}

function readProfile(name: string, entry: Entry, path: Path, roster: Roster, problems: Problems): Draft {
  const draft: Draft = { name, plugins: [], hasBroken: false };
  let picker: string | undefined;
  for (const [index, { pluginRef = '', weight }] of entry.plugins.entries()) {
    const at = [...path, 'plugins', index];
    const plugin = roster.get(pluginRef);
    if (plugin === undefined) {
      draft.hasBroken = true;
      complain(name, index, pluginRef, at, roster, problems);
      continue;
    }
    const { definition } = plugin;
    if (!IN_PROFILES.some((kind) => hasRole(definition, kind))) {
      problems.warn(at, `'${pluginRef}' is a ${definition.kind}, not a filter, scorer or picker: ignored in a profile`);
      continue;
    }
    if (weight !== undefined && !hasRole(definition, 'scorer')) {
      const wrong = `'${pluginRef}' is a ${definition.kind}: only scorers have a weight, ignored`;
      problems.warn([...at, 'weight'], wrong);
    }
    const picks = hasRole(definition, 'picker');
    if (picks && picker !== undefined) refuseSecondPicker(pluginRef, picker, at, problems);
    if (picks) picker ??= pluginRef;
    draft.plugins.push({ name: pluginRef, weight: weight ?? DEFAULT_WEIGHT });
  }
  return draft;
}

function everything(roster: Roster, problems: Problems): Draft {
  const plugins = roster.ofKind('filter', 'scorer', 'picker');
  const [first, second] = plugins.filter(({ definition }) => hasRole(definition, 'picker'));
  if (second !== undefined) refuseSecondPicker(second.name, first.name, ['plugins'], problems);
  for (const { name, definition, path } of plugins) {
    if (definition.kind !== 'saturation-detector') continue;
    const remedy = 'write schedulingProfiles without it to keep those';
    problems.warn(
      path ?? ['plugins'],
      `without schedulingProfiles '${name}' also filters out full endpoints: ${remedy}`,
    );
  }
  const entries = plugins.map(({ name }) => ({ name, weight: DEFAULT_WEIGHT }));
  return { name: 'default', plugins: entries, hasBroken: false };
}

function complain(
  profile: string,
  index: number,
  reference: string,
  path: Path,
  roster: Roster,
  problems: Problems,
): void {
  if (reference === '') {
    problems.error(path, `schedulingProfiles[${profile}].plugins[${index}] is missing a 'pluginRef'`);
  } else if (!roster.isBroken(reference)) {
    const wrong = `schedulingProfiles[${profile}] references undefined plugin '${reference}'`;
    problems.error([...path, 'pluginRef'], `${wrong}${roster.undefinedHint(reference)}`);
  }
}

function refuseSecondPicker(second: string, first: string, path: Path, problems: Problems): void {
  problems.error(path, `failed to set '${second}' as picker, already have a registered picker plugin '${first}'`);
}

function isPicker(roster: Roster, name: string): boolean {
  const definition: PluginDefinition | undefined = roster.get(name)?.definition;
  return definition !== undefined && hasRole(definition, 'picker');
}
