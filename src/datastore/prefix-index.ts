import type { BlockHashes } from '../lib/block-hash.ts';
import { BlockTable } from './prefix-blocks.ts';
import type { SlotCounts } from './prefix-counts.ts';
import { CELL_WORDS, Holders } from './prefix-holders.ts';
import { RecencyLists } from './prefix-lists.ts';
import { PagedMemory } from './prefix-memory.ts';

/** 31,250 blocks for each of 1,000 endpoints fit; at 23 bytes a block this bound is 770 MB. */
const DEFAULT_MAX_BLOCKS = 2 ** 25;
const DEFAULT_CAPACITY = 31_250;
/** Ids are 31 bits of 4-byte words: more blocks than this could run out of them. */
const MAX_MAX_BLOCKS = 2 ** 28;
/** Blocks of removed endpoints dropped per credit: up to 60 us, where all of one endpoint at once take 20 to 30 ms. */
const SETTLE_BLOCKS = 64;

export interface PrefixIndexOptions {
  /** Bound of all endpoints together, 1 to 2^28. A block held by two endpoints counts twice. */
  readonly maxBlocks?: number;
  /** Blocks an endpoint may hold until `setCapacity` says otherwise. */
  readonly defaultCapacity?: number;
}

/**
 * Which endpoints have which prompt prefixes cached, as far as it follows from where requests were sent.
 *
 *     hash -> block -> holders: slot, link        BlockTable, Holders
 *     endpoint -> its blocks by last use          RecencyLists
 *
 * Blocks are kept once, with the endpoints that hold them. Crediting a prompt puts its blocks at the front of the
 * endpoint's list in prompt order, so a block is always newer than the one that continues it, eviction from the old
 * end takes tails before heads, and what an endpoint holds of a prompt is always a leading run. Hence the holders
 * along a prompt only ever get fewer, which is what `match` lives on.
 *
 * Slots are the endpoint table's, below 2^14. Not for concurrent use, like everything on the picking thread.
 */
export class PrefixIndex {
  readonly #memory = new PagedMemory(CELL_WORDS);
  /** The cached blocks; read-only to others. */
  readonly blocks = new BlockTable(this.#memory);
  /** Who holds them; read-only to others. */
  readonly holders = new Holders(this.#memory);
  readonly #pages = this.#memory.pages;
  readonly #lists = new RecencyLists(this.#memory, this.blocks, this.holders);
  readonly #maxBlocks: number;
  readonly #defaultCapacity: number;
  #capacity = new Float64Array(0);
  /** Removed endpoints whose blocks are still being dropped, and how many blocks those are. */
  readonly #leaving: number[] = [];
  #isLeaving = new Uint8Array(0);
  #leavingBlocks = 0;
  /** Ids of the blocks of the chain being matched. */
  #path = new Uint32Array(64);
  /** `#seen[slot] === #query`: the slot has its result for the chain being matched. */
  #seen = new Uint32Array(0);
  #query = 0;

  /** Throws `RangeError` for a bound out of range. */
  constructor(options: PrefixIndexOptions = {}) {
    this.#maxBlocks = options.maxBlocks ?? DEFAULT_MAX_BLOCKS;
    this.#defaultCapacity = options.defaultCapacity ?? DEFAULT_CAPACITY;
    if (!Number.isInteger(this.#maxBlocks) || this.#maxBlocks < 1 || this.#maxBlocks > MAX_MAX_BLOCKS) {
      throw new RangeError(`maxBlocks must be an integer from 1 to ${MAX_MAX_BLOCKS}, got ${this.#maxBlocks}`);
    }
  }

  /** Blocks held, summed over endpoints. */
  get totalBlocks(): number {
    return this.#lists.total - this.#leavingBlocks;
  }

  /** Memory taken for blocks, their holders and the hash table. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Blocks the endpoint holds. */
  size(slot: number): number {
    return this.#isLeaving[slot] === 0 ? this.#lists.sizes[slot] : 0;
  }

  capacity(slot: number): number {
    return this.#capacity[slot] ?? this.#defaultCapacity;
  }

  /** Sets how many blocks the endpoint may hold and evicts what is over. */
  setCapacity(slot: number, blocks: number): void {
    this.#enter(slot);
    this.#capacity[slot] = blocks;
    if (this.#lists.sizes[slot] > blocks) this.#lists.evict(slot, this.#lists.sizes[slot] - blocks);
  }

  /**
   * Forgets the endpoint in `slot`; the next tenant starts with nothing and the default capacity. Nothing matches it
   * any more from now on; its memory is freed little by little with the next credits.
   */
  removeEndpoint(slot: number): void {
    if (slot >= this.#capacity.length) return;
    this.#capacity[slot] = this.#defaultCapacity;
    if (this.#isLeaving[slot] === 1 || this.#lists.sizes[slot] === 0) return;
    this.#isLeaving[slot] = 1;
    this.#leaving.push(slot);
    this.#leavingBlocks += this.#lists.sizes[slot];
  }

  /** Frees up to `blocks` blocks of removed endpoints, all of them when not told otherwise. */
  settle(blocks = Number.POSITIVE_INFINITY): void {
    let left = blocks;
    while (left > 0 && this.#leaving.length > 0) {
      const slot = this.#leaving[0];
      const dropped = Math.min(left, this.#lists.sizes[slot]);
      this.#dropLeaving(slot, dropped);
      left -= dropped;
    }
  }

  /**
   * Adds to `out`, for every endpoint that holds the beginning of a chain, how many leading blocks it holds. Chains
   * are matched independently and summed. Costs one look-up per block, and per-endpoint work only at those depths
   * where the number of holders changes: it works backwards from the deepest cached block, and equal numbers mean
   * the same endpoints.
   */
  match(hashes: BlockHashes, out: SlotCounts): void {
    out.fit(this.#capacity.length);
    let start = 0;
    for (let chain = 0; chain < hashes.chains; chain++) {
      const end = hashes.ends[chain];
      this.#matchChain(hashes, start, end, out);
      start = end;
    }
  }

  /**
   * Credits the chains to the endpoint: blocks it holds become its most recently used, missing ones are added. Of a
   * chain longer than its capacity only the first blocks count.
   */
  add(slot: number, hashes: BlockHashes): void {
    let start = 0;
    for (let chain = 0; chain < hashes.chains; chain++) {
      this.addChain(slot, hashes, start, hashes.ends[chain]);
      start = hashes.ends[chain];
    }
  }

  /** Credits one chain, blocks `start` to `end`, and returns how many of its leading blocks the endpoint had. */
  addChain(slot: number, hashes: BlockHashes, start: number, end: number): number {
    this.#enter(slot);
    this.settle(SETTLE_BLOCKS);
    const count = Math.min(end - start, this.#capacity[slot], this.#maxBlocks);
    return count > 0 ? this.#credit(slot, hashes, start, count) : 0;
  }

  /**
   * Takes back what the endpoint holds of blocks `start` to `end` of a chain. The caller knows that it holds no block
   * that continues one of them: what an endpoint holds must stay a leading run.
   */
  drop(slot: number, lo: Uint32Array, hi: Uint32Array, start: number, end: number): void {
    if (slot >= this.#capacity.length || this.#isLeaving[slot] === 1) return;
    for (let i = start; i < end; i++) {
      const id = this.blocks.find(lo[i], hi[i]);
      if (id === 0 || !this.#lists.remove(slot, id)) return;
    }
  }

  /** Ids of the endpoint's blocks, most recently used first. For checks; slow. */
  held(slot: number): Iterable<number> {
    return this.#lists.held(slot);
  }

  #matchChain(hashes: BlockHashes, start: number, end: number, out: SlotCounts): void {
    const { lo, hi } = hashes;
    if (end - start > this.#path.length) this.#path = new Uint32Array((end - start) * 2);
    const path = this.#path;
    let depth = 0;
    while (start + depth < end) {
      const id = this.blocks.find(lo[start + depth], hi[start + depth]);
      if (id === 0) break;
      path[depth++] = id;
    }
    if (depth === 0) return;
    this.#query = (this.#query + 1) >>> 0;
    if (this.#query === 0) this.#seen.fill(0);
    const everyone = this.holders.count(path[0]);
    let known = 0;
    for (let i = depth - 1; known < everyone && i >= 0; i--) {
      const count = this.holders.count(path[i]);
      if (count !== known) known += this.#assign(path[i], count, i + 1, out);
    }
  }

  /**
   * Gives `matched` to the holders of the block that have no result yet; returns how many those were, removed ones
   * included.
   */
  #assign(id: number, count: number, matched: number, out: SlotCounts): number {
    const address = this.holders.slotsAt(id);
    const page = this.#pages[address >>> 16];
    const at = address & 0xffff;
    const seen = this.#seen;
    const query = this.#query;
    let assigned = 0;
    for (let i = 0; i < count; i++) {
      const slot = page[at + i] & 0xffff;
      if (seen[slot] === query) continue;
      seen[slot] = query;
      if (this.#isLeaving[slot] === 0) out.add(slot, matched);
      assigned++;
    }
    return assigned;
  }

  #credit(slot: number, hashes: BlockHashes, start: number, count: number): number {
    const held = this.#lists.touch(slot, hashes, start, count);
    if (held === count) return held;
    this.#makeRoom(slot, held, count - held);
    this.#lists.insert(slot, hashes, start + held, start + count, held);
    return held;
  }

  /**
   * Evicts until `more` blocks fit, first within the endpoint's own capacity, then within the common bound, where
   * removed endpoints give before others.
   */
  #makeRoom(slot: number, kept: number, more: number): void {
    const over = this.#lists.sizes[slot] + more - this.#capacity[slot];
    if (over > 0) this.#lists.evict(slot, over);
    if (this.#lists.total + more > this.#maxBlocks) this.settle(this.#lists.total + more - this.#maxBlocks);
    while (this.#lists.total + more > this.#maxBlocks) {
      const victim = this.#largest(slot, kept);
      const spare = this.#lists.sizes[victim] - (victim === slot ? kept : 0);
      this.#lists.evict(victim, Math.min(spare, this.#lists.total + more - this.#maxBlocks));
    }
  }

  /** The endpoint with most blocks to give, the lowest slot of equals; `slot` itself keeps `kept` of its own. */
  #largest(slot: number, kept: number): number {
    let largest = slot;
    let most = this.#lists.sizes[slot] - kept;
    for (let other = 0; other < this.#capacity.length; other++) {
      if (other === slot || this.#lists.sizes[other] < most || (this.#lists.sizes[other] === most && other > largest))
        continue;
      largest = other;
      most = this.#lists.sizes[other];
    }
    return largest;
  }

  #dropLeaving(slot: number, count: number): void {
    this.#lists.evict(slot, count);
    this.#leavingBlocks -= count;
    if (this.#lists.sizes[slot] > 0) return;
    this.#isLeaving[slot] = 0;
    this.#leaving.splice(this.#leaving.indexOf(slot), 1);
  }

  /** Makes `slot` ready for its tenant: a column element, and nothing left of the tenant before. */
  #enter(slot: number): void {
    this.#fit(slot);
    if (this.#isLeaving[slot] === 1) this.#dropLeaving(slot, this.#lists.sizes[slot]);
  }

  #fit(slot: number): void {
    if (slot < this.#capacity.length) return;
    const slots = Math.max(64, 2 ** Math.ceil(Math.log2(slot + 1)));
    this.#lists.fit(slots);
    const seen = new Uint32Array(slots);
    seen.set(this.#seen);
    this.#seen = seen;
    const leaving = new Uint8Array(slots);
    leaving.set(this.#isLeaving);
    this.#isLeaving = leaving;
    const capacity = new Float64Array(slots).fill(this.#defaultCapacity);
    capacity.set(this.#capacity);
    this.#capacity = capacity;
  }
}
