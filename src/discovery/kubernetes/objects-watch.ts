import type { InferenceObjective } from '../../datastore/objectives.ts';
import type { ModelRewrite } from '../../datastore/rewrites.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { KubeObject, KubernetesApi } from '../../kubernetes/api.ts';
import { ApiError } from '../../kubernetes/api-error.ts';
import { Following } from '../../kubernetes/following.ts';
import { groupPath } from '../../kubernetes/resource.ts';
import type { Timing } from '../../kubernetes/timing.ts';
import type { ObjectSink } from '../objects.ts';
import type { DiscoveryLog } from '../source.ts';
import type { Connections } from './connections.ts';
import { type PoolIdentity, type PoolObject, readObjective, readRewrite, sameObject, valuesFor } from './objects.ts';

/** The group of today and the one before it, in the order they are asked for. */
const GROUPS = ['llm-d.ai', 'inference.networking.x-k8s.io'] as const;
const VERSION = 'v1alpha2';
const OBJECTIVES = 'inferenceobjectives';
const REWRITES = 'inferencemodelrewrites';
/** How often is looked whether a group came or went. */
const LOOK_MS = 60_000;
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 5_000;

export interface ObjectsWatchParts {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly pool: PoolIdentity;
  readonly timing: Timing;
  readonly log: DiscoveryLog;
  readonly connections: Connections;
  readonly sink: ObjectSink;
  /** Objects changed, or it is known now that there are none. */
  readonly changed: () => void;
}

/** What choosing a group needs of a follower, whatever it follows. */
type Follower = Pick<Following<unknown>, 'follow' | 'resource'>;

/**
 * Follows objectives and rewrites, each in the newer of the groups the API server has it in. Groups are looked up at the
 * start and from time to time, since definitions are installed in any order. Source: contract `wire-protocol.md` 2.4.
 */
export class ObjectsWatch {
  readonly #parts: ObjectsWatchParts;
  readonly #objectives: Following<PoolObject<InferenceObjective>>;
  readonly #rewrites: Following<PoolObject<ModelRewrite>>;
  readonly #chosen = new Map<string, string | undefined>();
  /** Objects whose problem was told, with the version that had it. */
  #told: ReadonlyMap<string, string> = new Map();
  /** Whether there is something to publish. */
  #isDirty = false;
  /** Ends the pause before the next look. */
  #lookNow = new AbortController();
  readonly #stopping = new AbortController();
  #looking: Promise<void> | undefined;

  constructor(parts: ObjectsWatchParts) {
    this.#parts = parts;
    this.#objectives = this.#following(OBJECTIVES, readObjective);
    this.#rewrites = this.#following(REWRITES, readRewrite);
  }

  /** Whether the objects are known, or known to be out of reach: nobody waits for them longer than that. */
  get isSettled(): boolean {
    return this.#isSettled(OBJECTIVES, this.#objectives) && this.#isSettled(REWRITES, this.#rewrites);
  }

  start(): void {
    this.#looking ??= this.#look(this.#stopping.signal);
  }

  /** Gives the sink what there is, if that changed: rotations of rewrites begin anew with it. */
  publish(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const { pool, sink } = this.#parts;
    this.#told = new Map([
      ...this.#problems(OBJECTIVES, this.#objectives.items),
      ...this.#problems(REWRITES, this.#rewrites.items),
    ]);
    sink.replace(valuesFor(this.#objectives.items.values(), pool), valuesFor(this.#rewrites.items.values(), pool));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#looking, this.#objectives.stop(), this.#rewrites.stop()]);
  }

  #isSettled(plural: string, following: Follower): boolean {
    if (this.#parts.connections.outageOf(plural) !== undefined) return true;
    if (!this.#chosen.has(plural)) return false;
    return this.#chosen.get(plural) === undefined || following.resource !== undefined;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { timing, connections } = this.#parts;
    const backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, mostMs: LAST_PAUSE_MS, random: timing.random });
    while (!signal.aborted) {
      try {
        const served = await Promise.all(GROUPS.map((group) => this.#kindsOf(group, signal)));
        this.#choose(OBJECTIVES, this.#objectives, served);
        this.#choose(REWRITES, this.#rewrites, served);
        backoff.reset();
        this.#lookNow = new AbortController();
        await timing.wait(LOOK_MS * (1 + timing.random.next()), AbortSignal.any([signal, this.#lookNow.signal]));
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        for (const plural of [OBJECTIVES, REWRITES]) {
          // Once chosen, a kind has a watch that tells about itself.
          if (!this.#chosen.has(plural)) connections.failed(plural, `look up which group has ${plural}`, error);
        }
        this.#parts.changed();
        await timing.wait(backoff.next(), signal);
      }
    }
  }

  /** Plural names of the kinds a group has; none when the API server does not have the group. */
  async #kindsOf(group: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    try {
      const answer = await this.#parts.api.request({ path: groupPath(group, VERSION), signal });
      const { resources = [] } = answer as { readonly resources?: readonly { readonly name: string }[] };
      return new Set(resources.map(({ name }) => name));
    } catch (error) {
      if (error instanceof ApiError && error.fault === 'absent') return new Set();
      throw error;
    }
  }

  #choose(plural: string, following: Follower, served: readonly ReadonlySet<string>[]): void {
    const { namespace, log, connections } = this.#parts;
    const having = GROUPS.filter((_group, index) => served[index].has(plural));
    const [group, other] = having;
    if (this.#chosen.has(plural) && this.#chosen.get(plural) === group) return;
    this.#chosen.set(plural, group);
    if (group === undefined) {
      connections.forget(plural);
      log.warn(`${plural} are not used: the API server has them in none of the groups ${GROUPS.join(', ')}`);
      following.follow(undefined);
      this.#changed();
      return;
    }
    if (other !== undefined) log.warn(`${plural} of ${other} are ignored, since there are those of ${group}`);
    else log.info(`${plural} come from ${group}`);
    following.follow({ group, version: VERSION, plural, namespace });
  }

  #following<T>(plural: string, read: (object: KubeObject) => PoolObject<T>): Following<PoolObject<T>> {
    const { api, namespace, timing, connections, changed } = this.#parts;
    return new Following<PoolObject<T>>({
      api,
      timing,
      read,
      same: sameObject,
      listener: {
        changed: () => this.#changed(),
        connected: () => connections.connected(plural),
        failed: (error, verb) => {
          connections.failed(plural, `${verb} ${plural} in namespace ${namespace}`, error);
          if (error.fault === 'absent') this.#lookNow.abort();
          changed();
        },
      },
    });
  }

  #changed(): void {
    this.#isDirty = true;
    this.#parts.changed();
  }

  /** Tells of every object that cannot be used, once a version. */
  #problems(plural: string, items: ReadonlyMap<string, PoolObject<unknown>>): [string, string][] {
    const found: [string, string][] = [];
    for (const [name, { version, problem }] of items) {
      if (problem === undefined) continue;
      const key = `${plural}/${name}`;
      found.push([key, version]);
      if (this.#told.get(key) !== version) this.#parts.log.warn(`${plural} "${name}" is left out: ${problem}`);
    }
    return found;
  }
}
