import type { BlockHashes } from '../lib/block-hash.ts';
import type { BlockTable } from './prefix-blocks.ts';
import type { Holders } from './prefix-holders.ts';
import type { PagedMemory } from './prefix-memory.ts';

const NEWER = 0;
const OLDER = 1;

/**
 * Each endpoint's blocks as one doubly linked list, most recently used first. The links are in the blocks (see
 * `Holders`); here are the ends.
 *
 *     endpoint 7   newest -> h0 -> h1 -> h2 -> (blocks of older prompts) ... -> oldest
 *
 * `touch`, then making room, then `insert` credit one prompt.
 */
export class RecencyLists {
  readonly #pages: readonly Uint32Array[];
  readonly #blocks: BlockTable;
  readonly #holders: Holders;
  #newest = new Uint32Array(0);
  #oldest = new Uint32Array(0);
  #sizes = new Uint32Array(0);
  #total = 0;
  /** Ids of the prompt's blocks at hand, and where the endpoint's links in them are. */
  #path = new Uint32Array(64);
  #links = new Uint32Array(64);

  constructor(memory: PagedMemory, blocks: BlockTable, holders: Holders) {
    this.#pages = memory.pages;
    this.#blocks = blocks;
    this.#holders = holders;
  }

  /** Length of each endpoint's list, by slot. */
  get sizes(): Uint32Array {
    return this.#sizes;
  }

  /** Length of all lists together. */
  get total(): number {
    return this.#total;
  }

  /** Makes slots below `slots` usable. */
  fit(slots: number): void {
    this.#newest = lengthened(this.#newest, slots);
    this.#oldest = lengthened(this.#oldest, slots);
    this.#sizes = lengthened(this.#sizes, slots);
  }

  /** Ids of the endpoint's blocks, most recently used first. For checks; slow. */
  *held(slot: number): Generator<number> {
    let id = this.#newest[slot] ?? 0;
    while (id !== 0) {
      yield id;
      id = this.#neighbour(this.#holders.linkOf(id, slot), OLDER);
    }
  }

  /**
   * Makes what the endpoint holds of the prompt its most recently used blocks, in prompt order, and returns how many
   * those are. The prompt is blocks `start` to `start + count` of `hashes`.
   */
  touch(slot: number, hashes: BlockHashes, start: number, count: number): number {
    const { lo, hi } = hashes;
    if (count > this.#path.length) {
      this.#path = new Uint32Array(count * 2);
      this.#links = new Uint32Array(count * 2);
    }
    let held = 0;
    while (held < count) {
      const id = this.#blocks.find(lo[start + held], hi[start + held]);
      const link = id === 0 ? 0 : this.#holders.linkOf(id, slot);
      if (link === 0) break;
      this.#path[held] = id;
      this.#links[held] = link;
      held++;
    }
    this.#moveToFront(slot, held);
    return held;
  }

  /**
   * Adds the rest of the prompt just touched: blocks `start` to `end` of `hashes`, which the endpoint lacks, right
   * after the `held` blocks it has.
   */
  insert(slot: number, hashes: BlockHashes, start: number, end: number, held: number): void {
    const anchor = held === 0 ? 0 : this.#path[held - 1];
    let newer = anchor;
    let link = anchor === 0 ? 0 : this.#holders.linkOf(anchor, slot);
    const after = anchor === 0 ? this.#newest[slot] : this.#neighbour(link, OLDER);
    let inserted = 0;
    for (let i = start; i < end; i++) {
      let id = this.#blocks.find(hashes.lo[i], hashes.hi[i]);
      // Held already although its predecessor was not: a 64-bit collision. The prompt ends here for us.
      if (id !== 0 && this.#holders.linkOf(id, slot) !== 0) break;
      const shared = id !== 0;
      if (!shared) id = this.#blocks.insert(hashes.lo[i], hashes.hi[i], slot);
      const added = shared ? this.#holders.add(id, slot) : this.#holders.linkOf(id, slot);
      this.#setNeighbour(added, NEWER, newer);
      if (newer === 0) this.#newest[slot] = id;
      else this.#setNeighbour(link, OLDER, id);
      newer = id;
      link = added;
      inserted++;
    }
    if (inserted === 0) return;
    this.#setNeighbour(link, OLDER, after);
    this.#setNewer(slot, after, newer);
    this.#sizes[slot] += inserted;
    this.#total += inserted;
  }

  /** Drops one block the endpoint holds; false when it does not hold it. */
  remove(slot: number, id: number): boolean {
    const link = this.#holders.linkOf(id, slot);
    if (link === 0) return false;
    const newer = this.#neighbour(link, NEWER);
    const older = this.#neighbour(link, OLDER);
    this.#setOlder(slot, newer, older);
    this.#setNewer(slot, older, newer);
    if (this.#holders.remove(id, slot) === 0) this.#blocks.remove(id);
    this.#sizes[slot]--;
    this.#total--;
    return true;
  }

  /** Drops the endpoint's `count` least recently used blocks. */
  evict(slot: number, count: number): void {
    let id = this.#oldest[slot];
    for (let i = 0; i < count; i++) {
      const newer = this.#neighbour(this.#holders.linkOf(id, slot), NEWER);
      if (this.#holders.remove(id, slot) === 0) this.#blocks.remove(id);
      id = newer;
    }
    this.#oldest[slot] = id;
    this.#setOlder(slot, id, 0);
    this.#sizes[slot] -= count;
    this.#total -= count;
  }

  /**
   * Puts the first `held` blocks of the path at the front of the list in their order. Blocks that already follow one
   * another move as one run, so a prompt used twice in a row costs no writes.
   */
  #moveToFront(slot: number, held: number): void {
    const path = this.#path;
    const links = this.#links;
    let i = 0;
    let cursor = this.#newest[slot];
    while (i < held && path[i] === cursor) cursor = this.#neighbour(links[i++], OLDER);
    let anchor = i === 0 ? 0 : path[i - 1];
    while (i < held) {
      const first = i;
      let next = this.#neighbour(links[i++], OLDER);
      // Only a 64-bit collision within one prompt can lead a run back to its anchor; it must not tie a knot.
      if (path[first] === anchor) continue;
      while (i < held && path[i] === next && next !== anchor) next = this.#neighbour(links[i++], OLDER);
      this.#moveRun(slot, first, i - 1, anchor);
      anchor = path[i - 1];
    }
  }

  /** Moves the list segment from `path[first]` to `path[last]` to right after `anchor`, or to the front for 0. */
  #moveRun(slot: number, first: number, last: number, anchor: number): void {
    const before = this.#neighbour(this.#links[first], NEWER);
    if (before === anchor) return;
    const after = this.#neighbour(this.#links[last], OLDER);
    this.#setOlder(slot, before, after);
    this.#setNewer(slot, after, before);
    const next = anchor === 0 ? this.#newest[slot] : this.#neighbour(this.#holders.linkOf(anchor, slot), OLDER);
    this.#setNeighbour(this.#links[first], NEWER, anchor);
    this.#setNeighbour(this.#links[last], OLDER, next);
    this.#setOlder(slot, anchor, this.#path[first]);
    this.#setNewer(slot, next, this.#path[last]);
  }

  #neighbour(link: number, which: number): number {
    return this.#pages[link >>> 16][(link & 0xffff) + which];
  }

  #setNeighbour(link: number, which: number, id: number): void {
    this.#pages[link >>> 16][(link & 0xffff) + which] = id;
  }

  #setOlder(slot: number, id: number, older: number): void {
    if (id === 0) this.#newest[slot] = older;
    else this.#setNeighbour(this.#holders.linkOf(id, slot), OLDER, older);
  }

  #setNewer(slot: number, id: number, newer: number): void {
    if (id === 0) this.#oldest[slot] = newer;
    else this.#setNeighbour(this.#holders.linkOf(id, slot), NEWER, newer);
  }
}

function lengthened(column: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(length);
  longer.set(column);
  return longer;
}
