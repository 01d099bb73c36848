import { Backoff } from '../lib/backoff.ts';
import type { KubeObject, KubernetesApi, WatchEvent } from './api.ts';
import { ApiError, type ApiFault, errorOf } from './api-error.ts';
import { resourcePath, resourceQuery, type Resource } from './resource.ts';
import type { Timing } from './timing.ts';

/** Objects a page of a list has: reading one must not hold up a pick for long. */
const PAGE_SIZE = 100;
/**
 * A busy server sends a bookmark about once a minute. One that has seen no change of this kind since it started sends
 * none, so a watch as quiet as this may have lost its peer or not: another one is opened to see.
 */
const IDLE_MS = 90_000;
/** The server ends a watch after this long, give or take: connections then spread over its replicas again. */
const WATCH_SECONDS = 300;
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 5_000;
/** The longest a server may ask to wait. */
const MAX_RETRY_AFTER_MS = 30_000;
/** A watch that lived so long was no failure, even if it brought nothing. */
const LIVED_MS = 5_000;

const LIST_AGAIN: ReadonlySet<ApiFault> = new Set<ApiFault>(['forbidden', 'absent', 'garbled']);

/** What a reflector was doing when something went wrong; also the verb a role must allow. */
export type ReflectorVerb = 'list' | 'watch';

export interface ReflectorListener {
  /** The items changed, or were listed for the first time. */
  changed(): void;
  /** A watch is open: changes will come. */
  connected(): void;
  /** It does not; the items stay as they were. Called for every try that fails. */
  failed(error: ApiError, verb: ReflectorVerb): void;
}

export interface ReflectorParts<T> {
  readonly api: KubernetesApi;
  readonly resource: Resource;
  /** What is kept of an object. */
  readonly read: (object: KubeObject) => T;
  /** Whether a change matters. */
  readonly same: (before: T, after: T) => boolean;
  readonly timing: Timing;
  readonly listener: ReflectorListener;
  /** Default: 90,000. */
  readonly idleMs?: number;
}

/**
 * A copy of some of the API server's objects, by name, kept up to date by list and watch. A watch goes on where the
 * last one ended; when the server no longer knows that place (410) everything is listed anew, and the copy is replaced
 * as a whole, so nothing is lost or kept by mistake. While the server does not answer the copy stays as it was.
 */
export class Reflector<T> {
  readonly #parts: ReflectorParts<T>;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #items = new Map<string, T>();
  #isSynced = false;
  /** Where the next watch begins; undefined asks for a list first. */
  #version: string | undefined;
  /** Pages outlived what the server remembers; the next list is one page. */
  #wholeList = false;
  #running: Promise<void> | undefined;

  constructor(parts: ReflectorParts<T>) {
    this.#parts = parts;
    const { random } = parts.timing;
    this.#backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, mostMs: LAST_PAUSE_MS, random });
  }

  get items(): ReadonlyMap<string, T> {
    return this.#items;
  }

  /** Whether there was a list; until then `items` says nothing. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** After this resolves the listener hears nothing more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let verb: ReflectorVerb = 'list';
      try {
        if (this.#version === undefined) await this.#list(signal);
        verb = 'watch';
        await this.#watch(signal);
      } catch (error) {
        // Once told to stop, whatever a request ended with is the order itself.
        if (signal.aborted) return;
        if (error instanceof ApiError && error.fault === 'idle') continue;
        await this.#recover(asApiError(error), verb, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, resource, read, same, listener } = this.#parts;
    const found = new Map<string, T>();
    let version: string | undefined;
    let next: string | undefined;
    do {
      const limit = this.#wholeList ? undefined : PAGE_SIZE;
      const query = { ...resourceQuery(resource), limit, continue: next };
      const page = pageOf(await api.request({ path: resourcePath(resource), query, signal }));
      for (const object of page.items) {
        const name = object.metadata?.name;
        if (name !== undefined) found.set(name, keep(this.#items.get(name), read(object), same));
      }
      version ??= page.resourceVersion;
      next = page.next;
    } while (next !== undefined);
    if (signal.aborted) return;
    this.#wholeList = false;
    this.#version = version;
    const isFirst = !this.#isSynced;
    const before = this.#items;
    this.#items = found;
    this.#isSynced = true;
    if (isFirst || !equalMaps(before, found)) listener.changed();
  }

  /** Follows changes until the server ends the watch. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { api, resource, listener, timing, idleMs = IDLE_MS } = this.#parts;
    const openedMs = timing.clock.nowMs();
    const events = api.watch({
      path: resourcePath(resource),
      query: {
        ...resourceQuery(resource),
        resourceVersion: this.#version,
        allowWatchBookmarks: true,
        timeoutSeconds: Math.round(WATCH_SECONDS * (1 + timing.random.next())),
      },
      signal,
      idleMs,
      onOpen: () => listener.connected(),
    });
    for await (const event of events) {
      if (signal.aborted) return;
      this.#take(event);
      this.#backoff.reset();
    }
    if (timing.clock.nowMs() - openedMs >= LIVED_MS) this.#backoff.reset();
    else await timing.wait(this.#backoff.next(), signal);
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw statusError(object);
    const { name, resourceVersion } = object.metadata ?? {};
    if (resourceVersion !== undefined) this.#version = resourceVersion;
    if (type === 'BOOKMARK' || name === undefined) return;
    const { read, same, listener } = this.#parts;
    if (type === 'DELETED') {
      if (this.#items.delete(name)) listener.changed();
      return;
    }
    const before = this.#items.get(name);
    const after = keep(before, read(object), same);
    if (after === before) return;
    this.#items.set(name, after);
    listener.changed();
  }

  async #recover(error: ApiError, verb: ReflectorVerb, signal: AbortSignal): Promise<void> {
    const { listener, timing } = this.#parts;
    listener.failed(error, verb);
    if (error.fault === 'expired') {
      this.#wholeList = verb === 'list';
      this.#version = undefined;
    }
    // Who may list but not watch sees changes late, but sees them; a kind that went and came back has a new history; and
    // what could not be read is best read again from the start.
    if (LIST_AGAIN.has(error.fault)) this.#version = undefined;
    const asked = Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
    await timing.wait(Math.max(this.#backoff.next(), asked), signal);
  }
}

interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string | undefined;
  readonly next: string | undefined;
}

function pageOf(answer: unknown): Page {
  const { items, metadata } = (answer ?? {}) as {
    readonly items?: readonly KubeObject[] | null;
    readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  };
  if (metadata?.resourceVersion === undefined) throw new ApiError('garbled', 'the answer to a list is not a list');
  const { resourceVersion, continue: next } = metadata;
  return { items: items ?? [], resourceVersion, next: next === '' ? undefined : next };
}

/** Anything else comes of an object nobody expected; it must not end the picker. */
function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('garbled', `cannot be read: ${String(error)}`);
}

function statusError(status: KubeObject): ApiError {
  const { code, message } = status;
  return errorOf(typeof code === 'number' ? code : 500, typeof message === 'string' ? message : 'a watch error');
}

/** The old value where nothing changed, so that whoever compares by identity sees that. */
function keep<T>(before: T | undefined, after: T, same: (before: T, after: T) => boolean): T {
  return before !== undefined && same(before, after) ? before : after;
}

function equalMaps<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return true;
}
