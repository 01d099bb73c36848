import type { Clock } from '../core/clock.ts';
import type { EndpointView } from '../core/endpoint.ts';
import { ConfigError } from '../core/errors.ts';
import type { Plugin, PluginContext, PluginKind, PluginMeter } from '../core/plugin.ts';
import type { Random } from '../core/random.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { DataBoard } from '../scheduling/data-board.ts';
import type { ProfilePlan } from '../scheduling/profile.ts';
import type { SchedulerPlan } from '../scheduling/scheduler.ts';

/** What plugin instances are made with. */
export interface InstanceParts {
  readonly endpoints: EndpointView;
  readonly clock: Clock;
  readonly random: Random;
  meter(plugin: { readonly name: string; readonly type: string }): PluginMeter;
}

/** The plugins of a configuration, created, by name. */
export class Instances {
  readonly all: readonly Plugin[];
  readonly #byName: ReadonlyMap<string, Plugin>;

  /** Throws `ConfigError`, naming the plugin, when one cannot be created. */
  constructor(config: ResolvedConfig, parts: InstanceParts) {
    const board = new DataBoard();
    this.all = config.plugins.map(({ name, type, definition, parameters }) => {
      const context: PluginContext = {
        name,
        endpoints: parts.endpoints,
        clock: parts.clock,
        random: parts.random,
        meter: parts.meter({ name, type }),
        read: (key) => board.reader(key),
        write: (key) => board.writer(key),
      };
      try {
        return { name, type, kind: definition.kind, instance: definition.create(parameters, context) };
      } catch (error) {
        throw new ConfigError(`failed to create plugin '${name}' (type: '${type}'): ${(error as Error).message}`);
      }
    });
    this.#byName = new Map(this.all.map((plugin) => [plugin.name, plugin]));
  }

  /** The instance called `name`, which the resolved configuration promises to exist and to be of `kind`. */
  get<K extends PluginKind>(kind: K, name: string): Plugin<K> {
    const plugin = this.#byName.get(name);
    if (plugin?.kind !== kind) throw new ConfigError(`plugin '${name}' is not a ${kind}`);
    return plugin as Plugin<K>;
  }

  ofKind<K extends PluginKind>(kind: K): readonly Plugin<K>[] {
    return this.all.filter((plugin): plugin is Plugin<K> => plugin.kind === kind);
  }
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
  const kinds = new Map(instances.all.map((plugin) => [plugin.name, plugin.kind]));
  const named = (kind: PluginKind) => members.filter((member) => kinds.get(member.name) === kind);
  const [picker] = named('picker');
  if (picker === undefined) throw new ConfigError(`schedulingProfiles[${name}] has no picker`);
  return {
    name,
    filters: named('filter').map((member) => instances.get('filter', member.name)),
    scorers: named('scorer').map((member) => ({
      plugin: instances.get('scorer', member.name),
      weight: member.weight,
    })),
    picker: instances.get('picker', picker.name),
  };
}
