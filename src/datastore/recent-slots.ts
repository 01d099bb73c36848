import { MAX_ENDPOINTS } from './columns.ts';

const NONE = -1;

/**
 * Slots in the order they were last used, at most `capacity` of them; the oldest makes room. A doubly linked list laid
 * out by slot:
 *
 *     slot      0    1    2    3
 *     newer     2    .    -    0      oldest = 3, newest = 2
 *     older     3    .    0    -      1 is not in the list
 */
export class RecentSlots {
  readonly #capacity: number;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  readonly #held: Uint8Array;
  #oldest = NONE;
  #newest = NONE;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#newer = new Int32Array(MAX_ENDPOINTS);
    this.#older = new Int32Array(MAX_ENDPOINTS);
    this.#held = new Uint8Array(MAX_ENDPOINTS);
  }

  get size(): number {
    return this.#size;
  }

  /** The slot used longest ago; negative when there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  has(slot: number): boolean {
    return this.#held[slot] === 1;
  }

  /** The slot used next after one in the list; negative after the newest. */
  newerThan(slot: number): number {
    return this.#newer[slot];
  }

  /** Makes a slot the newest. */
  use(slot: number): void {
    this.remove(slot);
    if (this.#size === this.#capacity) this.remove(this.#oldest);
    this.#held[slot] = 1;
    this.#size++;
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  remove(slot: number): void {
    if (!this.has(slot)) return;
    this.#held[slot] = 0;
    this.#size--;
    const newer = this.#newer[slot];
    const older = this.#older[slot];
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }
}
