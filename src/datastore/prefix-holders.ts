import { BLOCK_WORDS, GROUP, HASH_HI_AND_SLOT, HOLDERS, LINK, SHARED } from './prefix-blocks.ts';
import type { PagedMemory } from './prefix-memory.ts';

/**
 * Holders a group has room for, by cell kind; kind 0 is a block. Steps of at most 1.5 keep a group around 18 bytes a
 * holder or less.
 */
const CAPACITY: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768].concat(
  [1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384],
);

/** Words of a holder in a group: its slot and its link. */
const HOLDER_WORDS = 3;

/** Cell sizes for the memory blocks and groups live in, by kind. */
export const CELL_WORDS: readonly number[] = CAPACITY.map((holders) =>
  holders === 1 ? BLOCK_WORDS : holders * HOLDER_WORDS,
);

/**
 * Who holds a block, and each holder's link: the two words `newer, older` that thread the block into that endpoint's
 * list. The only holder lives in the block's cell; from the second on they live in a group, slots ascending:
 *
 *     [ slot slot slot .. | newer older | newer older | newer older | .. ]
 *       capacity words      capacity pairs
 *
 * A link is found by binary search, so a block held by a thousand endpoints costs ten steps.
 */
export class Holders {
  readonly #memory: PagedMemory;
  readonly #pages: readonly Uint32Array[];

  constructor(memory: PagedMemory) {
    this.#memory = memory;
    this.#pages = memory.pages;
  }

  /** Number of endpoints holding the block. */
  count(id: number): number {
    const page = this.#pages[id >>> 16];
    const at = id & 0xffff;
    return (page[at + HASH_HI_AND_SLOT] & 0xffff) === SHARED ? page[at + HOLDERS] : 1;
  }

  /** Address of the words that list the holders' slots, `count` of them; for a single holder mask with 0xffff. */
  slotsAt(id: number): number {
    const page = this.#pages[id >>> 16];
    const at = id & 0xffff;
    return (page[at + HASH_HI_AND_SLOT] & 0xffff) === SHARED ? page[at + GROUP] : id + HASH_HI_AND_SLOT;
  }

  /** Address of the endpoint's link in the block, or 0 when it does not hold it. Valid until holders change. */
  linkOf(id: number, slot: number): number {
    const page = this.#pages[id >>> 16];
    const at = id & 0xffff;
    const holder = page[at + HASH_HI_AND_SLOT] & 0xffff;
    if (holder === slot) return id + LINK;
    if (holder !== SHARED) return 0;
    const group = page[at + GROUP];
    const count = page[at + HOLDERS];
    const index = this.#indexOf(group, count, slot);
    if (index === count || this.#pages[group >>> 16][(group & 0xffff) + index] !== slot) return 0;
    return this.#linkAt(group, index);
  }

  /** Makes `slot` one more holder and returns the address of its link, whose words the caller sets. */
  add(id: number, slot: number): number {
    const page = this.#pages[id >>> 16];
    const at = id & 0xffff;
    if ((page[at + HASH_HI_AND_SLOT] & 0xffff) !== SHARED) this.#share(page, at);
    const count = page[at + HOLDERS];
    const kind = this.#memory.kindAt(page[at + GROUP]);
    if (count === CAPACITY[kind]) page[at + GROUP] = this.#moveGroup(page[at + GROUP], count, kind + 1);
    const group = page[at + GROUP];
    const index = this.#indexOf(group, count, slot);
    this.#shift(group, index, index + 1, count - index);
    this.#pages[group >>> 16][(group & 0xffff) + index] = slot;
    page[at + HOLDERS] = count + 1;
    return this.#linkAt(group, index);
  }

  /** Takes the holder `slot` away and returns how many are left; at 0 the caller removes the block. */
  remove(id: number, slot: number): number {
    const page = this.#pages[id >>> 16];
    const at = id & 0xffff;
    if ((page[at + HASH_HI_AND_SLOT] & 0xffff) !== SHARED) return 0;
    const group = page[at + GROUP];
    const left = page[at + HOLDERS] - 1;
    const index = this.#indexOf(group, left + 1, slot);
    this.#shift(group, index + 1, index, left - index);
    page[at + HOLDERS] = left;
    if (left === 1) {
      this.#unshare(page, at);
      return 1;
    }
    const kind = this.#memory.kindAt(group);
    const smaller = CAPACITY[kind - 1];
    if (left <= smaller - (smaller >>> 3)) page[at + GROUP] = this.#moveGroup(group, left, kind - 1);
    return left;
  }

  #share(block: Uint32Array, at: number): void {
    const group = this.#memory.allocate(1);
    const page = this.#pages[group >>> 16];
    const link = this.#linkAt(group, 0) & 0xffff;
    page[group & 0xffff] = block[at + HASH_HI_AND_SLOT] & 0xffff;
    page[link] = block[at + LINK];
    page[link + 1] = block[at + LINK + 1];
    block[at + HASH_HI_AND_SLOT] |= SHARED;
    block[at + GROUP] = group;
    block[at + HOLDERS] = 1;
  }

  #unshare(block: Uint32Array, at: number): void {
    const group = block[at + GROUP];
    const page = this.#pages[group >>> 16];
    const link = this.#linkAt(group, 0) & 0xffff;
    block[at + HASH_HI_AND_SLOT] = (block[at + HASH_HI_AND_SLOT] & 0xffff_0000) | page[group & 0xffff];
    block[at + LINK] = page[link];
    block[at + LINK + 1] = page[link + 1];
    this.#memory.free(group);
  }

  #moveGroup(from: number, count: number, kind: number): number {
    const to = this.#memory.allocate(kind);
    const source = this.#pages[from >>> 16];
    const target = this.#pages[to >>> 16];
    const slots = from & 0xffff;
    const links = slots + CAPACITY[this.#memory.kindAt(from)];
    target.set(source.subarray(slots, slots + count), to & 0xffff);
    target.set(source.subarray(links, links + 2 * count), (to & 0xffff) + CAPACITY[kind]);
    this.#memory.free(from);
    return to;
  }

  /** Moves `holders` of a group from one index to another. */
  #shift(group: number, from: number, to: number, holders: number): void {
    if (holders === 0) return;
    const page = this.#pages[group >>> 16];
    const slots = group & 0xffff;
    const links = this.#linkAt(group, 0) & 0xffff;
    page.copyWithin(slots + to, slots + from, slots + from + holders);
    page.copyWithin(links + 2 * to, links + 2 * from, links + 2 * (from + holders));
  }

  #linkAt(group: number, index: number): number {
    return group + CAPACITY[this.#memory.kindAt(group)] + 2 * index;
  }

  /** Where `slot` is or would be among the group's first `count` slots. */
  #indexOf(group: number, count: number, slot: number): number {
    const page = this.#pages[group >>> 16];
    const at = group & 0xffff;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (page[at + middle] < slot) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
