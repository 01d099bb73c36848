import { LRUCache } from 'lru-cache';

const NOBODY: ReadonlySet<number> = new Set();

/** Which endpoints have which media encoded, as far as it follows from where requests went; per endpoint the latest. */
export class MediaHolders {
  readonly #max: number;
  readonly #caches: (LRUCache<string, true> | undefined)[] = [];
  readonly #slotsByHash = new Map<string, Set<number>>();

  /** `max` is how many an endpoint is believed to keep. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Slots of the endpoints that have it. */
  of(hash: string): ReadonlySet<number> {
    return this.#slotsByHash.get(hash) ?? NOBODY;
  }

  /** Makes it the endpoint's latest. */
  add(slot: number, hash: string): void {
    const slots = this.#slotsByHash.get(hash);
    if (slots === undefined) this.#slotsByHash.set(hash, new Set([slot]));
    else slots.add(slot);
    (this.#caches[slot] ??= this.#newCache(slot)).set(hash, true);
  }

  remove(slot: number, hash: string): void {
    this.#caches[slot]?.delete(hash);
  }

  /** The endpoint is gone. */
  forget(slot: number): void {
    this.#caches[slot]?.clear();
    this.#caches[slot] = undefined;
  }

  #newCache(slot: number): LRUCache<string, true> {
    return new LRUCache({
      max: this.#max,
      dispose: (_value, hash) => {
        const slots = this.#slotsByHash.get(hash);
        slots?.delete(slot);
        if (slots?.size === 0) this.#slotsByHash.delete(hash);
      },
    });
  }
}
