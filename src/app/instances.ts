import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../core/clock.ts';
import { type DataKey, type DataType, keyText, type Reader } from '../core/data.ts';
import type { EndpointView } from '../core/endpoint.ts';
import { ConfigError } from '../core/errors.ts';
import type { HttpClient } from '../core/http-client.ts';
import type { PluginKind } from '../core/kinds.ts';
import { hasRole, type Plugin, type PluginContext, type PluginInstance, type PluginMeter } from '../core/plugin.ts';
import type { Random } from '../core/random.ts';
import type { Timers } from '../core/timers.ts';
import { producersByKey } from '../config/producers.ts';
import type { ResolvedConfig, ResolvedPlugin } from '../config/resolved.ts';
import { DataBoard } from '../scheduling/data-board.ts';
import type { ProfilePlan } from '../scheduling/profile.ts';
import type { SchedulerPlan } from '../scheduling/scheduler.ts';

/** What plugin instances are made with. */
export interface InstanceParts {
  readonly endpoints: EndpointView;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly http: HttpClient;
  readonly answerDeadlineMs: number;
  meter(plugin: { readonly name: string; readonly type: string }): PluginMeter;
  /** Puts a line of a plugin into the log at debug level. */
  debug(plugin: string, message: string): void;
}

interface Entry {
  readonly resolved: ResolvedPlugin;
  readonly plugin: Plugin;
  /** Whether it is the instance of the configuration before. */
  readonly kept: boolean;
}

/**
 * The plugins of a configuration, created, by name. Where there was a configuration before, a plugin whose definition
 * did not change is taken over with its state, unless one it depends on is new.
 */
export class Instances {
  readonly #entries = new Map<string, Entry>();
  readonly #board: DataBoard;
  readonly #parts: InstanceParts;

  /** Throws `ConfigError`, naming the plugin, when one cannot be created; then those made so far are closed again. */
  constructor(config: ResolvedConfig, parts: InstanceParts, earlier?: Instances) {
    this.#parts = parts;
    this.#board = new DataBoard(earlier === undefined ? undefined : earlier.#board);
    const producerOf = producersByKey(config.plugins);
    try {
      for (const resolved of config.plugins) {
        const producers = resolved.consumes.map((key) => producerOf.get(keyText(key))?.name);
        const kept = earlier === undefined ? undefined : this.#takeOver(resolved, producers, earlier);
        const plugin = kept ?? this.#create(resolved);
        this.#entries.set(resolved.name, { resolved, plugin, kept: kept !== undefined });
      }
    } catch (error) {
      this.closeNew();
      throw error;
    }
  }

  get all(): readonly Plugin[] {
    return Array.from(this.#entries.values(), ({ plugin }) => plugin);
  }

  /** The instance called `name`, which the resolved configuration promises to exist and to be of `kind`. */
  get<K extends PluginKind>(kind: K, name: string): Plugin<K> {
    const entry = this.#entries.get(name);
    if (entry === undefined || !hasRole(entry.resolved.definition, kind)) {
      throw new ConfigError(`plugin '${name}' is not a ${kind}`);
    }
    return entry.plugin as Plugin<K>;
  }

  /** Those that are of a kind, or have its method besides. */
  ofKind<K extends PluginKind>(kind: K): readonly Plugin<K>[] {
    const entries = [...this.#entries.values()].filter(({ resolved }) => hasRole(resolved.definition, kind));
    return entries.map(({ plugin }) => plugin as Plugin<K>);
  }

  /** Readers of a datum, one for each plugin that produces it. */
  readersOf<T>(type: DataType<T>): readonly Reader<T>[] {
    const keys = Array.from(this.#entries.values(), ({ resolved }) => resolved.produces).flat();
    const own = keys.filter((key) => key.type.name === type.name);
    return own.map(({ producer }) => this.#board.reader({ type, producer }));
  }

  /** Whether every plugin can do its work. */
  get ready(): boolean {
    for (const { plugin } of this.#entries.values()) if (plugin.instance.ready?.() === false) return false;
    return true;
  }

  /** Tells every plugin that a slot was vacated. */
  endpointRemoved(slot: number): void {
    for (const { plugin } of this.#entries.values()) plugin.instance.onEndpointRemoved?.(slot);
  }

  /** Closes the plugins that were made for this configuration, when it is not to be used after all. */
  closeNew(): void {
    for (const { plugin, kept } of this.#entries.values()) if (!kept) plugin.instance.close?.();
  }

  /** Closes the plugins that `next` has not taken over; all of them when there is no next configuration. */
  closeBefore(next: Instances | undefined): void {
    for (const [name, { plugin }] of this.#entries) {
      const kept = next !== undefined && next.#entries.get(name)?.plugin === plugin;
      if (!kept) plugin.instance.close?.();
    }
  }

  #takeOver(
    resolved: ResolvedPlugin,
    producers: readonly (string | undefined)[],
    earlier: Instances,
  ): Plugin | undefined {
    const before = earlier.#entries.get(resolved.name);
    if (before === undefined || !sameDefinition(before.resolved, resolved)) return undefined;
    const dependencies = [...producers, ...resolved.needs.map(({ name }) => name)];
    const steady = dependencies.every((name) => name === undefined || this.#entries.get(name)?.kept === true);
    if (!steady) return undefined;
    for (const key of resolved.produces) this.#board.keep(key, earlier.#board);
    return before.plugin;
  }

  #create({ name, type, definition, parameters, consumes }: ResolvedPlugin): Plugin {
    const parts = this.#parts;
    const board = this.#board;
    const metricType = definition.metricType ?? type;
    const context: PluginContext = {
      name,
      endpoints: parts.endpoints,
      clock: parts.clock,
      timers: parts.timers,
      random: parts.random,
      http: parts.http,
      answerDeadlineMs: parts.answerDeadlineMs,
      meter: parts.meter({ name, type: metricType }),
      debug: (message) => parts.debug(name, message),
      read: (key) => board.reader(settled(key, consumes)),
      write: (key) => board.writer(key),
      share: (key, value) => board.share(key, value),
      shared: (key) => board.shared(settled(key, consumes)),
      plugin: (kind, needed) => this.get(kind, needed).instance,
    };
    try {
      const instance: PluginInstance = definition.create(parameters, context);
      return { name, type, metricType, kind: definition.kind, instance };
    } catch (error) {
      throw new ConfigError(`failed to create plugin '${name}' (type: '${type}'): ${(error as Error).message}`);
    }
  }
}

/** The key an open one stands for in this configuration. */
function settled<T>(key: DataKey<T>, consumes: ResolvedPlugin['consumes']): DataKey<T> {
  const { type, open } = key;
  const producer = open === true ? consumes.find((each) => each.type.name === type.name)?.producer : undefined;
  return producer === undefined ? key : { type, producer };
}

/** Whether an instance of one would do for the other; what it reads counts, since it has bound that. */
function sameDefinition(before: ResolvedPlugin, now: ResolvedPlugin): boolean {
  return (
    before.type === now.type &&
    before.definition === now.definition &&
    isDeepStrictEqual(before.parameters, now.parameters) &&
    isDeepStrictEqual(before.consumes.map(keyText), now.consumes.map(keyText))
  );
}

/** What the scheduler is built from. */
export function schedulerPlan(config: ResolvedConfig, instances: Instances): SchedulerPlan {
  return {
    producers: instances.ofKind('producer'),
    handler: instances.get('profile-handler', config.handler),
    profiles: config.profiles.map(({ name, plugins }) => profilePlan(name, plugins, instances)),
    plugins: instances.all,
  };
}

function profilePlan(
  name: string,
  members: ResolvedConfig['profiles'][number]['plugins'],
  instances: Instances,
): ProfilePlan {
  const inRole = (kind: PluginKind) => {
    const names = new Set(instances.ofKind(kind).map((plugin) => plugin.name));
    return members.filter((member) => names.has(member.name));
  };
  const [picker] = inRole('picker');
  if (picker === undefined) throw new ConfigError(`schedulingProfiles[${name}] has no picker`);
  return {
    name,
    filters: inRole('filter').map((member) => instances.get('filter', member.name)),
    scorers: inRole('scorer').map((member) => ({
      plugin: instances.get('scorer', member.name),
      weight: member.weight,
    })),
    picker: instances.get('picker', picker.name),
  };
}
