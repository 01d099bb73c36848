import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type {
  ApiQuery,
  ApiRequest,
  KubernetesApi,
  KubeObject,
  WatchEvent,
  WatchRequest,
} from '../../src/kubernetes/api.ts';
import { type ApiError, errorOf } from '../../src/kubernetes/api-error.ts';
import type { Timing } from '../../src/kubernetes/timing.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { type ManualClock, manualClock } from './clock.ts';

type Change = WatchEvent & { readonly path: string; readonly version: number };

/** A `Timing` whose waits pass at once, each noted; those of a minute and more wait for `pass`. */
export interface TestTiming extends Timing {
  readonly clock: ManualClock;
  readonly waits: number[];
  /** Ends the long waits. */
  pass(): void;
}

export function testTiming(seed = 1): TestTiming {
  const waits: number[] = [];
  const clock = manualClock();
  let passing = Promise.withResolvers<void>();
  return {
    clock,
    waits,
    pass() {
      passing.resolve();
      passing = Promise.withResolvers();
    },
    random: seededRandom(seed),
    async wait(ms, signal) {
      waits.push(ms);
      clock.advance(ms);
      if (ms < 60_000) await setImmediate();
      else await Promise.race([passing.promise, once(signal, 'abort')]);
    },
  };
}

/** An API server that is only asked, and answers like this; nobody may watch it. */
export function answeringApi(answer: (request: ApiRequest) => Promise<unknown>): KubernetesApi {
  return {
    server: 'memory',
    // oxlint-disable-next-line require-yield
    async *watch() {
      throw new Error('not asked');
    },
    request: answer,
  };
}

/**
 * What matters of an API server, in memory: versions, pages, watches that resume, history that can be forgotten, and
 * faults on order. Selectors narrow by equality of labels and by name.
 */
export class MemoryApi implements KubernetesApi {
  readonly server = 'memory';
  /** `list PATH` and `watch PATH` as they came. */
  readonly calls: string[] = [];
  /** Errors for the next calls, by verb. */
  readonly faults: Record<'list' | 'watch' | 'get', ApiError[]> = { list: [], watch: [], get: [] };
  /** Answers of `get`: which kinds a group has. */
  readonly groups = new Map<string, readonly string[]>();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #history: Change[] = [];
  #version = 100;
  #oldest = 0;
  #changed = Promise.withResolvers<void>();
  /** Ends every watch. */
  #hangUps = 0;

  /** Creates or replaces an object. */
  put(path: string, name: string, object: KubeObject = {}): void {
    const version = ++this.#version;
    const metadata = { uid: `uid-${name}`, ...object.metadata, name, resourceVersion: String(version) };
    const stored = { ...object, metadata };
    const known = this.#at(path);
    const type = known.has(name) ? 'MODIFIED' : 'ADDED';
    known.set(name, stored);
    this.#note({ path, type, object: stored, version });
  }

  remove(path: string, name: string): void {
    const object = this.#at(path).get(name);
    if (object === undefined) return;
    this.#at(path).delete(name);
    const version = ++this.#version;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    this.#note({ path, type: 'DELETED', object: { ...object, metadata }, version });
  }

  /** Tells watches how far they are. */
  bookmark(path: string): void {
    const version = ++this.#version;
    this.#note({ path, type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } }, version });
  }

  /** Sends a line of its own making. */
  send(path: string, event: WatchEvent): void {
    this.#note({ path, ...event, version: ++this.#version });
  }

  /** Forgets all history; watches from before must list anew. */
  compact(): void {
    this.#oldest = ++this.#version;
    this.#history.length = 0;
  }

  /** Ends every watch as a server that shuts down does. */
  hangUp(): void {
    this.#hangUps++;
    this.#wake();
  }

  async request({ path, query = {}, signal }: ApiRequest): Promise<unknown> {
    await setImmediate();
    signal?.throwIfAborted();
    const groupPath = /^\/apis\/[^/]+\/[^/]+$/.test(path);
    this.calls.push(`${groupPath ? 'get' : 'list'} ${path}${describe(query)}`);
    const fault = this.faults[groupPath ? 'get' : 'list'].shift();
    if (fault !== undefined) throw fault;
    if (groupPath) {
      const names = this.groups.get(path);
      if (names === undefined) throw errorOf(404, 'not found');
      return { resources: names.map((name) => ({ name })) };
    }
    const all = [...this.#at(path).values()].filter((object) => isSelected(object, query));
    const start = Number(query['continue'] ?? 0);
    const end = query['limit'] === undefined ? all.length : start + Number(query['limit']);
    const next = end < all.length ? { continue: String(end) } : {};
    return { metadata: { resourceVersion: String(this.#version), ...next }, items: all.slice(start, end) };
  }

  async *watch({ path, query = {}, signal, onOpen }: WatchRequest): AsyncGenerator<WatchEvent> {
    await setImmediate();
    signal.throwIfAborted();
    this.calls.push(`watch ${path}${describe(query)} from ${String(query['resourceVersion'])}`);
    const fault = this.faults.watch.shift();
    if (fault !== undefined) throw fault;
    onOpen?.();
    let seen = Number(query['resourceVersion']);
    if (seen < this.#oldest) {
      yield { type: 'ERROR', object: { code: 410, message: 'too old resource version' } };
      return;
    }
    const hangUps = this.#hangUps;
    const inside = new Set<string>();
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (hangUps === this.#hangUps) {
      const changed = this.#changed.promise;
      for (const change of this.#history.filter((each) => each.path === path && each.version > seen)) {
        seen = change.version;
        const event = narrowed(change, query, inside);
        if (event !== undefined) yield event;
      }
      await Promise.race([changed, aborted]);
      signal.throwIfAborted();
    }
  }

  #note(change: Change): void {
    this.#history.push(change);
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  #at(path: string): Map<string, KubeObject> {
    const known = this.#objects.get(path) ?? new Map<string, KubeObject>();
    this.#objects.set(path, known);
    return known;
  }
}

/** A watch with a selector sees objects that leave it as deleted. */
function narrowed(change: Change, query: ApiQuery, inside: Set<string>): WatchEvent | undefined {
  const { type, object } = change;
  if (type === 'ERROR' || type === 'BOOKMARK') return { type, object };
  const name = object.metadata?.name ?? '';
  if (isSelected(object, query)) {
    inside.add(name);
    return { type, object };
  }
  // It may have been inside before this watch began; saying so twice does no harm.
  inside.delete(name);
  return { type: 'DELETED', object };
}

function isSelected({ metadata = {} }: KubeObject, query: ApiQuery): boolean {
  const { labelSelector, fieldSelector } = query;
  if (typeof fieldSelector === 'string' && fieldSelector !== `metadata.name=${metadata.name}`) return false;
  if (typeof labelSelector !== 'string') return true;
  return labelSelector.split(',').every((part) => {
    const [name = '', value] = part.split('=');
    return metadata.labels?.[name] === value;
  });
}

function describe({ limit, continue: from }: ApiQuery): string {
  return [limit === undefined ? '' : ` limit ${limit}`, from === undefined ? '' : ` at ${from}`].join('');
}
