import * as v from 'valibot';
import type { PluginKind } from '../core/kinds.ts';
import { hasRole } from '../core/plugin.ts';
import { didYouMean } from '../lib/nearest.ts';
import { decode, fieldsOf, isRecord } from './decode.ts';
import type { Path } from './document.ts';
import { ALIASES, DISPENSABLE, KNOWN_TYPES } from './known-types.ts';
import { type Problems, show } from './problems.ts';
import type { Catalog, ResolvedPlugin } from './resolved.ts';

/** What the text says about one plugin. */
interface Declaration {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly parameters?: unknown;
}

/** The plugin instances of a configuration while it is being resolved, by name, in the order they came. */
export class Roster {
  readonly #catalog: Catalog;
  readonly #problems: Problems;
  readonly #plugins = new Map<string, ResolvedPlugin>();
  /** Names of plugins that were reported as broken; a reference to one is no second mistake. */
  readonly #broken = new Set<string>();

  constructor(catalog: Catalog, problems: Problems) {
    this.#catalog = catalog;
    this.#problems = problems;
  }

  get all(): Iterable<ResolvedPlugin> {
    return this.#plugins.values();
  }

  get(name: string): ResolvedPlugin | undefined {
    return this.#plugins.get(name);
  }

  isBroken(name: string): boolean {
    return this.#broken.has(name);
  }

  /** Whether any plugin was reported as broken, so that what it would have been is unknown. */
  get incomplete(): boolean {
    return this.#broken.size > 0;
  }

  /** Those that are of any of the kinds, or have its method besides. */
  ofKind(...kinds: readonly PluginKind[]): ResolvedPlugin[] {
    return [...this.#plugins.values()].filter(({ definition }) => kinds.some((kind) => hasRole(definition, kind)));
  }

  /** Adds the plugin at `path` of the text; reports what is wrong with it. */
  declare({ name, type, parameters }: Declaration, path: Path): void {
    const instance = name === undefined || name === '' ? type : name;
    if (type === undefined || type === '') {
      this.#problems.error(path, `plugin '${instance ?? ''}' is missing a type`);
      if (instance !== undefined) this.#broken.add(instance);
      return;
    }
    const own = instance ?? type;
    if (this.#plugins.has(own) || this.#broken.has(own)) {
      this.#problems.error(path, `duplicate plugin name '${own}': give one of them another name`);
      return;
    }
    if (!this.#add(own, type, { path, parameters })) this.#broken.add(own);
  }

  /**
   * The instance called like `type`, created with default parameters unless there is one. Undefined when the catalog
   * has no such type: silently for those that can be done without, otherwise after reporting it at `path`.
   */
  inject(type: string, path: Path): ResolvedPlugin | undefined {
    const existing = this.#plugins.get(type);
    if (existing !== undefined || this.#broken.has(type)) return existing;
    if (DISPENSABLE.has(type) && !this.#catalog.has(type)) return undefined;
    if (!this.#add(type, type, { path })) this.#broken.add(type);
    return this.#plugins.get(type);
  }

  /** Says anew what a plugin consumes. */
  rebind(plugin: ResolvedPlugin, consumes: ResolvedPlugin['consumes']): void {
    this.#plugins.set(plugin.name, { ...plugin, consumes });
  }

  /** What is wrong with a plugin of `type` that is given no parameters; undefined when nothing is. */
  faultWithoutParameters(type: string): string | undefined {
    const definition = this.#catalog.get(type);
    const result = definition && v.safeParse(definition.config, {});
    return result?.success === false ? result.issues[0].message : undefined;
  }

  /** What to say about a reference to a name nobody has. */
  undefinedHint(name: string): string {
    if (this.#catalog.has(name) && !this.#plugins.has(name)) return `: add "- type: ${name}" to plugins`;
    return didYouMean(name, this.#plugins.keys());
  }

  #add(name: string, type: string, from: { path: Path; parameters?: unknown }): boolean {
    const declared = 'parameters' in from;
    const definition = this.#lookUp(type, declared ? [...from.path, 'type'] : from.path);
    if (definition === undefined) return false;
    const path = declared ? [...from.path, 'parameters'] : from.path;
    const decoded = this.#decodeParameters(definition.config, from.parameters, path, type);
    if (decoded === undefined) return false;
    const { parameters } = decoded;
    const plugin: ResolvedPlugin = {
      name,
      type,
      definition,
      parameters,
      origin: declared ? 'declared' : 'injected',
      path: declared ? from.path : undefined,
      consumes: definition.consumes?.(parameters) ?? [],
      produces: definition.produces?.(parameters, name) ?? [],
      needs: definition.needs?.(parameters) ?? [],
    };
    this.#plugins.set(name, plugin);
    this.#warn(plugin);
    return true;
  }

  /** Passes on what the plugin finds odd about its own parameters. */
  #warn({ definition, parameters, path = ['plugins'] }: ResolvedPlugin): void {
    for (const { at, message } of definition.warnings?.(parameters) ?? []) {
      this.#problems.warn(at.length === 0 ? path : [...path, 'parameters', ...at], message);
    }
  }

  #lookUp(type: string, path: Path): ResolvedPlugin['definition'] | undefined {
    const meant = ALIASES.get(type);
    const definition = this.#catalog.get(type) ?? this.#catalog.get(meant ?? '');
    if (definition === undefined && KNOWN_TYPES.has(type)) {
      this.#problems.error(path, `plugin type '${type}' is not supported yet`);
    } else if (definition === undefined) {
      const close = didYouMean(type, this.#catalog.keys());
      this.#problems.error(path, `plugin type ${show(type).replaceAll('"', "'")} is not registered${close}`);
    } else if (meant !== undefined && !this.#catalog.has(type)) {
      this.#problems.warn(path, `plugin type '${type}' is deprecated: write '${meant}'`);
    } else if (definition.stability === 'deprecated') {
      const { instead } = definition;
      this.#problems.warn(path, `plugin type '${type}' is deprecated${instead === undefined ? '' : `: ${instead}`}`);
    }
    return definition;
  }

  #decodeParameters(
    schema: ResolvedPlugin['definition']['config'],
    given: unknown,
    path: Path,
    type: string,
  ): { parameters: unknown } | undefined {
    const raw = given ?? {};
    if (!isRecord(raw)) {
      this.#problems.error(path, `found ${show(raw)}, expected a map of parameters`);
      return undefined;
    }
    const fields = fieldsOf(schema);
    // The reference never looks at the parameters of a type that has none, and its own samples carry some.
    const takesNone = fields !== undefined && Object.keys(fields).length === 0;
    if (takesNone && Object.keys(raw).length > 0) {
      const names = Object.keys(raw).map(show).join(', ');
      this.#problems.warn(path, `'${type}' takes no parameters: ${names} ignored`, 'key');
    }
    const before = this.#problems.errors.length;
    const parameters = decode(schema, takesNone ? {} : raw, path, { ignoreCase: true }, this.#problems);
    return this.#problems.errors.length === before ? { parameters } : undefined;
  }
}
