import { Reflector, type ReflectorParts } from './reflector.ts';
import { resourcePath, resourceQuery, type Resource } from './resource.ts';

export type FollowingParts<T> = Omit<ReflectorParts<T>, 'resource'>;

interface Copy<T> {
  readonly resource: Resource;
  readonly reflector: Reflector<T>;
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * A reflector whose resource may change, say because a selector did. The copy of the former resource stays until that of
 * the new one is complete, so there is no moment with half of it.
 */
export class Following<T> {
  readonly #parts: FollowingParts<T>;
  #shown: Copy<T> | undefined;
  #coming: Copy<T> | undefined;
  readonly #stopping = new Set<Promise<void>>();

  constructor(parts: FollowingParts<T>) {
    this.#parts = parts;
  }

  /** The objects of `resource`; empty when that is undefined. */
  get items(): ReadonlyMap<string, T> {
    return this.#shown?.reflector.items ?? NONE;
  }

  /** What `items` is a complete copy of; undefined before the first list, and when nothing is followed. */
  get resource(): Resource | undefined {
    return this.#shown?.resource;
  }

  /** Follows `resource` from now on; undefined follows nothing and forgets at once. */
  follow(resource: Resource | undefined): void {
    if (resource === undefined) {
      this.#retire(this.#shown?.reflector);
      this.#retire(this.#coming?.reflector);
      this.#shown = this.#coming = undefined;
      return;
    }
    const latest = this.#coming ?? this.#shown;
    if (latest !== undefined && sameResource(latest.resource, resource)) return;
    this.#retire(this.#coming?.reflector);
    const { listener } = this.#parts;
    const reflector: Reflector<T> = new Reflector({
      ...this.#parts,
      resource,
      listener: {
        connected: () => listener.connected(),
        failed: (error, verb) => listener.failed(error, verb),
        changed: () => {
          if (this.#coming?.reflector === reflector) {
            this.#retire(this.#shown?.reflector);
            this.#shown = this.#coming;
            this.#coming = undefined;
          }
          listener.changed();
        },
      },
    });
    this.#coming = { resource, reflector };
    reflector.start();
  }

  /** After this resolves the listener hears nothing more. */
  async stop(): Promise<void> {
    this.follow(undefined);
    await Promise.all(this.#stopping);
  }

  #retire(reflector: Reflector<T> | undefined): void {
    if (reflector === undefined) return;
    const stopped = reflector.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }
}

function sameResource(a: Resource, b: Resource): boolean {
  return resourcePath(a) === resourcePath(b) && JSON.stringify(resourceQuery(a)) === JSON.stringify(resourceQuery(b));
}
