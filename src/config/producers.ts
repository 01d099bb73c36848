import { type DataKey, dataKey, keyText } from '../core/data.ts';
import { hasRole } from '../core/plugin.ts';
import type { Problems } from './problems.ts';
import { DISPENSABLE } from './known-types.ts';
import type { ResolvedPlugin } from './resolved.ts';
import type { Roster } from './roster.ts';

/**
 * Gives every open key the producer the configuration uses: the only one that is there or asked for by name. Source:
 * contract 8.2 (22), where a reader of the default key makes a second prefix index beside the one that is configured.
 */
export function settleOpenKeys(roster: Roster): void {
  const users = new Map<string, Set<string>>();
  for (const { produces, consumes } of roster.all) {
    for (const { type, producer, open } of [...produces, ...consumes]) {
      if (open === true) continue;
      const producers = users.get(type.name) ?? new Set();
      users.set(type.name, producers.add(producer));
    }
  }
  for (const plugin of roster.all) {
    if (!plugin.consumes.some(({ open }) => open === true)) continue;
    const settled = plugin.consumes.map(({ type, open, producer }) => {
      const [only, second] = users.get(type.name) ?? [];
      return dataKey(type, open === true && second === undefined ? only : producer);
    });
    roster.rebind(plugin, settled);
  }
}

/**
 * Creates the default producer of every datum that somebody needs and nobody produces, and then theirs. Source:
 * contract 2.6: the key holds the producer's instance name, so a renamed default producer does not count.
 */
export function addMissingProducers(roster: Roster, problems: Problems): void {
  const produced = new Set<string>();
  const note = ({ produces }: ResolvedPlugin): void => {
    for (const key of produces) produced.add(keyText(key));
  };
  for (const plugin of roster.all) {
    // What extractors read has one place per endpoint, whoever writes it: `data-layer.ts` looks after those.
    const twice = hasRole(plugin.definition, 'producer')
      ? plugin.produces.map(keyText).filter((text) => produced.has(text))
      : [];
    const where = plugin.path ?? ['plugins'];
    for (const text of twice) {
      problems.warn(where, `'${plugin.name}' produces ${text}, which a plugin before it does: that one counts`);
    }
    note(plugin);
  }
  // A map's iterator also visits what is added meanwhile, so producers of producers are found in the same pass.
  for (const consumer of roster.all) {
    for (const key of consumer.consumes) {
      const text = keyText(key);
      if (produced.has(text)) continue;
      // One complaint per key is enough.
      produced.add(text);
      const producer = addProducer(key, consumer, roster, problems);
      if (producer !== undefined) note(producer);
    }
  }
}

/** Reports plugins that others call and that are not there, or are of another kind. Source: contract 2.4 step 3. */
export function checkNeeds(roster: Roster, problems: Problems): void {
  for (const plugin of roster.all) {
    for (const { kind, name, at } of plugin.needs) {
      const path =
        plugin.path === undefined ? ['plugins'] : [...plugin.path, ...(at.length > 0 ? ['parameters', ...at] : [])];
      const needed = roster.get(name);
      if (needed === undefined) {
        if (roster.isBroken(name)) continue;
        const wrong = `'${plugin.name}' has a dependency on the unregistered plugin '${name}'`;
        problems.error(path, `${wrong}${roster.undefinedHint(name)}`);
      } else if (!hasRole(needed.definition, kind)) {
        problems.error(path, `the plugin '${name}' is not a ${kind} but a ${needed.definition.kind}`);
      }
    }
  }
}

/**
 * Producers before their consumers, and plugins before those that call them; everything else stays in place. Reports a cycle and then leaves the order as it
 * was.
 */
export function inDependencyOrder(roster: Roster, problems: Problems): ResolvedPlugin[] {
  const producerOf = producersByKey(roster.all);
  const ordered = new Set<ResolvedPlugin>();
  const trail = new Set<ResolvedPlugin>();
  let cyclic = false;
  const visit = (plugin: ResolvedPlugin): void => {
    if (ordered.has(plugin) || cyclic) return;
    if (trail.has(plugin)) {
      cyclic = true;
      const round = [...trail].slice([...trail].indexOf(plugin)).concat(plugin);
      const names = round.map(({ name }) => name).join(' -> ');
      problems.error(['plugins'], `cycle detected: graph is not a DAG (${names} need each other)`);
      return;
    }
    trail.add(plugin);
    for (const key of plugin.consumes) {
      const producer = producerOf.get(keyText(key));
      if (producer !== undefined) visit(producer);
    }
    for (const { name } of plugin.needs) {
      const needed = roster.get(name);
      if (needed !== undefined) visit(needed);
    }
    trail.delete(plugin);
    ordered.add(plugin);
  };
  for (const plugin of roster.all) visit(plugin);
  return cyclic ? [...roster.all] : [...ordered];
}

/** Who produces each datum, by key; of several the first. */
export function producersByKey<P extends Pick<ResolvedPlugin, 'produces'>>(plugins: Iterable<P>): Map<string, P> {
  const producerOf = new Map<string, P>();
  for (const plugin of plugins) {
    for (const text of plugin.produces.map(keyText)) if (!producerOf.has(text)) producerOf.set(text, plugin);
  }
  return producerOf;
}

function addProducer(
  key: DataKey<unknown>,
  consumer: ResolvedPlugin,
  roster: Roster,
  problems: Problems,
): ResolvedPlugin | undefined {
  const { defaultProducer } = key.type;
  const path = consumer.path ?? ['plugins'];
  const needs = `missing data key ${keyText(key)}, consumed by ${consumer.name}`;
  const remedy = remedyFor(key, roster);
  if (remedy !== undefined) {
    if (!roster.isBroken(key.producer)) {
      problems.error(path, `no default producer found for ${needs}: ${remedy}`);
    }
    return undefined;
  }
  const before = problems.errors.length;
  const producer = roster.inject(defaultProducer, path);
  const silent = producer === undefined && (DISPENSABLE.has(defaultProducer) || roster.isBroken(defaultProducer));
  if (producer?.produces.some((made) => keyText(made) === keyText(key)) === true) return producer;
  if (!silent && problems.errors.length === before) {
    problems.error(path, `no default producer found for ${needs}: '${defaultProducer}' does not produce it`);
  }
  return producer;
}

/** What to do about a datum nobody produces, where its default producer cannot simply be created. */
function remedyFor({ producer, type: { defaultProducer } }: DataKey<unknown>, roster: Roster): string | undefined {
  const add = `add "- type: ${defaultProducer}" to plugins`;
  if (producer === '') return add;
  if (producer !== defaultProducer) {
    return `declare a producer of it named '${producer}', for example of type ${defaultProducer}`;
  }
  const fault = roster.get(producer) === undefined ? roster.faultWithoutParameters(defaultProducer) : undefined;
  return fault && `${add}, whose parameters ${fault}`;
}
