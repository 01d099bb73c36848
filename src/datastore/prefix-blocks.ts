import { PAGE_WORDS, type PagedMemory } from './prefix-memory.ts';

/** Words of a block's cell; see `BlockTable`. */
export const BLOCK_WORDS = 5;
/** Kind of a block's cell in the memory. */
export const BLOCK_KIND = 0;

/** Offsets in a block's cell. */
export const HASH_LO = 0;
/** High 16 bits: of the hash's high word. Low 16 bits: the only holder's slot, or `SHARED`. */
export const HASH_HI_AND_SLOT = 1;
export const CHAIN = 2;
/** The only holder's neighbours in its list: newer block, then older block. */
export const LINK = 3;
/** In place of the link when the block is shared: address of the group, then number of holders. */
export const GROUP = 3;
export const HOLDERS = 4;

/** In place of a slot: the block has several holders. */
export const SHARED = 0xffff;

/** Blocks per bucket before the table grows. */
const LOAD = 1.5;
/** Marks the end of a chain; the other bits are the bucket's number. */
const END = 0x8000_0000;

/**
 * Cached blocks by their 64-bit hash. A block's id is the address of its cell:
 *
 *     [ hash lo | hash hi:16 slot:16 | next in bucket | newer | older ]     one holder
 *     [ hash lo | hash hi:16 SHARED  | next in bucket | group | count ]     several, see `Holders`
 *
 * The low 16 bits of the high word are not stored: they are the bucket's place in its page of bucket heads, and there
 * are never fewer buckets than one page has. Comparing the rest compares all 64 bits. The low word chooses the page.
 *
 * Grows by linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980): each
 * insertion beyond the load splits one bucket, so there is never a big rehash. A chain ends with its bucket's number,
 * which is how a block taken out by id finds its bucket again.
 */
export class BlockTable {
  readonly #memory: PagedMemory;
  readonly #pages: readonly Uint32Array[];
  readonly #heads: Uint32Array[];
  /** Pages of bucket heads before the current round of splits, a power of two. */
  #roundPages = 1;
  /** Buckets split in this round. */
  #split = 0;
  #size = 0;

  constructor(memory: PagedMemory) {
    this.#memory = memory;
    this.#pages = memory.pages;
    this.#heads = [memory.takeRawPage()];
  }

  /** Blocks in the table; one held by many endpoints counts once. */
  get size(): number {
    return this.#size;
  }

  /** The block's id, or 0. */
  find(lo: number, hi: number): number {
    const high = hi >>> 16;
    let id = this.#heads[this.#pageOf(lo, hi & 0xffff)][hi & 0xffff];
    while ((id | 0) > 0) {
      const page = this.#pages[id >>> 16];
      const at = id & 0xffff;
      if (page[at + HASH_LO] === lo && page[at + HASH_HI_AND_SLOT] >>> 16 === high) return id;
      id = page[at + CHAIN];
    }
    return 0;
  }

  /** Adds a block that is not there, held by `slot`; the caller sets the link. */
  insert(lo: number, hi: number, slot: number): number {
    const id = this.#memory.allocate(BLOCK_KIND);
    const page = this.#pages[id >>> 16];
    const at = id & 0xffff;
    page[at + HASH_LO] = lo;
    page[at + HASH_HI_AND_SLOT] = ((hi >>> 16) << 16) | slot;
    this.#push(this.#pageOf(lo, hi & 0xffff) * PAGE_WORDS + (hi & 0xffff), page, at, id);
    this.#size++;
    if (this.#size > LOAD * (this.#roundPages * PAGE_WORDS + this.#split)) this.#splitNext();
    return id;
  }

  remove(id: number): void {
    const after = this.#chainOf(id);
    let end = after;
    while ((end | 0) > 0) end = this.#chainOf(end);
    const bucket = end & ~END;
    const heads = this.#heads[bucket >>> 16];
    const first = heads[bucket & 0xffff];
    if (first === id) {
      heads[bucket & 0xffff] = (after | 0) > 0 ? after : 0;
    } else {
      let before = first;
      for (let next = this.#chainOf(before); next !== id; next = this.#chainOf(before)) before = next;
      this.#pages[before >>> 16][(before & 0xffff) + CHAIN] = after;
    }
    this.#size--;
    this.#memory.free(id);
  }

  /** Every block with its whole hash. For checks; slow. */
  *entries(): Generator<{ id: number; lo: number; hi: number }> {
    for (const heads of this.#heads) {
      for (let low = 0; low < heads.length; low++) {
        for (let id = heads[low]; (id | 0) > 0; id = this.#chainOf(id)) {
          const page = this.#pages[id >>> 16];
          const at = id & 0xffff;
          const high = page[at + HASH_HI_AND_SLOT] >>> 16;
          yield { id, lo: page[at + HASH_LO], hi: ((high << 16) | low) >>> 0 };
        }
      }
    }
  }

  #chainOf(id: number): number {
    return this.#pages[id >>> 16][(id & 0xffff) + CHAIN];
  }

  #pageOf(lo: number, low: number): number {
    const page = lo & (this.#roundPages - 1);
    return page * PAGE_WORDS + low < this.#split ? lo & (2 * this.#roundPages - 1) : page;
  }

  #push(bucket: number, page: Uint32Array, at: number, id: number): void {
    const heads = this.#heads[bucket >>> 16];
    const first = heads[bucket & 0xffff];
    page[at + CHAIN] = first === 0 ? END | bucket : first;
    heads[bucket & 0xffff] = id;
  }

  #splitNext(): void {
    const bucket = this.#split;
    const low = bucket & 0xffff;
    const sibling = bucket + this.#roundPages * PAGE_WORDS;
    if (low === 0) this.#heads.push(this.#memory.takeRawPage());
    const heads = this.#heads[bucket >>> 16];
    let id = heads[low];
    heads[low] = 0;
    while ((id | 0) > 0) {
      const page = this.#pages[id >>> 16];
      const at = id & 0xffff;
      const next = page[at + CHAIN];
      this.#push((page[at + HASH_LO] & this.#roundPages) === 0 ? bucket : sibling, page, at, id);
      id = next;
    }
    this.#split++;
    if (this.#split === this.#roundPages * PAGE_WORDS) {
      this.#roundPages *= 2;
      this.#split = 0;
    }
  }
}
