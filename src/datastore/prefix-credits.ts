import { BlockHashes } from '../lib/block-hash.ts';
import { MAX_ENDPOINTS } from './columns.ts';
import type { PrefixIndex } from './prefix-index.ts';

/** Together 2.9 MB with what is kept by slot. */
const DEFAULT_CHAINS = 2 ** 14;
const DEFAULT_BLOCKS = 2 ** 18;
/** A request with more than this part of what can be remembered is credited but not remembered. */
const MAX_SHARE = 1 / 8;
/** Later credits to an endpoint that are looked through, 0.1 us each; with more of them a credit is not taken back. */
const MAX_LATER = 1024;
/** In place of the number of blocks that are not a chain's own: it was taken back. */
const GONE = 0xffff_ffff;

/** What was credited for one request: the number of its first chain, and how many chains it has; none for 0. */
export interface Credit {
  readonly first: number;
  readonly chains: number;
}

/** How much is remembered. A credit that was overwritten can no longer be moved. */
export interface CreditLimits {
  readonly chains: number;
  readonly blocks: number;
}

const NO_CREDIT: Credit = { first: 0, chains: 0 };

/**
 * Credits prompts to endpoints in a `PrefixIndex` and remembers the latest, so that one can be moved when it turns out
 * that another endpoint served the request. Chains are numbered in the order they are credited:
 *
 *     hashes    .. | h0 h1 h2 h3 | h0 h1 | ..       ring of blocks, as they came
 *     chain     ..      17           18     ..      ring: slot, where its hashes are, how many, how many are its own,
 *     of slot 4 ..  9 <-17           ^               and the chain credited to the same slot before
 *     of slot 7 .. 12 <--------------+
 *
 * A block is a chain's own when the endpoint did not hold it before. Taking a credit back drops those, but for the ones
 * that later credits to the endpoint run through; they are then theirs, to be dropped if those move as well.
 */
export class PrefixCredits {
  readonly #index: PrefixIndex;
  readonly #chains: number;
  readonly #blocks: number;
  readonly #lo: Uint32Array;
  readonly #hi: Uint32Array;
  readonly #slot: Uint16Array;
  /** Place of the first hash in the ring, counted without end. */
  readonly #begin: Float64Array;
  readonly #count: Uint32Array;
  /** The chain's own blocks begin here; `GONE` once it was taken back. */
  readonly #own: Uint32Array;
  readonly #before: Float64Array;
  /** How many chains had been credited to the slot with this one, and have been by now; both wrap at 2^32. */
  readonly #ordinal: Uint32Array;
  readonly #credited = new Uint32Array(MAX_ENDPOINTS);
  /** The latest chain of each slot that may still be asked about; 0 for none. */
  readonly #latest = new Float64Array(MAX_ENDPOINTS);
  #next = 1;
  #written = 0;
  readonly #moving = new BlockHashes();

  constructor(
    index: PrefixIndex,
    { chains, blocks }: CreditLimits = { chains: DEFAULT_CHAINS, blocks: DEFAULT_BLOCKS },
  ) {
    this.#index = index;
    this.#chains = chains;
    this.#blocks = blocks;
    this.#lo = new Uint32Array(blocks);
    this.#hi = new Uint32Array(blocks);
    this.#slot = new Uint16Array(chains);
    this.#begin = new Float64Array(chains);
    this.#count = new Uint32Array(chains);
    this.#own = new Uint32Array(chains);
    this.#before = new Float64Array(chains);
    this.#ordinal = new Uint32Array(chains);
  }

  /** Credits a request's chains to an endpoint. */
  add(slot: number, hashes: BlockHashes): Credit {
    if (hashes.count > this.#blocks * MAX_SHARE || hashes.chains > this.#chains * MAX_SHARE) {
      // Blocks of earlier credits may be continued by this one, and nobody will know.
      this.#latest[slot] = 0;
      this.#index.add(slot, hashes);
      return NO_CREDIT;
    }
    const first = this.#next;
    let start = 0;
    for (let chain = 0; chain < hashes.chains; chain++) {
      const end = hashes.ends[chain];
      this.#remember(slot, hashes, start, end, this.#index.addChain(slot, hashes, start, end));
      start = end;
    }
    return { first, chains: hashes.chains };
  }

  /** Takes a request's credit from one endpoint and gives it to another; nothing happens when it is too long ago. */
  move({ first, chains }: Credit, to: number): void {
    const hashes = this.#moving;
    hashes.clear();
    for (let chain = first; chain < first + chains; chain++) {
      if (!this.#isKnown(chain)) continue;
      this.#copy(chain, hashes);
      this.#takeBack(chain);
    }
    if (hashes.chains > 0) this.add(to, hashes);
  }

  /** The endpoint in `slot` is gone; what was credited to it is not the next tenant's. */
  forget(slot: number): void {
    this.#latest[slot] = 0;
    this.#index.removeEndpoint(slot);
  }

  #remember(slot: number, hashes: BlockHashes, start: number, end: number, own: number): void {
    const count = end - start;
    // A chain lies in one piece.
    if ((this.#written % this.#blocks) + count > this.#blocks)
      this.#written += this.#blocks - (this.#written % this.#blocks);
    const place = this.#written % this.#blocks;
    for (let i = 0; i < count; i++) {
      this.#lo[place + i] = hashes.lo[start + i];
      this.#hi[place + i] = hashes.hi[start + i];
    }
    const chain = this.#next++;
    const at = chain % this.#chains;
    this.#slot[at] = slot;
    this.#begin[at] = this.#written;
    this.#count[at] = count;
    this.#own[at] = own;
    this.#before[at] = this.#latest[slot];
    this.#ordinal[at] = ++this.#credited[slot];
    this.#latest[slot] = chain;
    this.#written += count;
  }

  /** Whether neither the chain nor its hashes were overwritten. */
  #isKnown(chain: number): boolean {
    return chain > this.#next - 1 - this.#chains && this.#begin[chain % this.#chains] >= this.#written - this.#blocks;
  }

  #copy(chain: number, into: BlockHashes): void {
    const at = chain % this.#chains;
    const place = this.#begin[at] % this.#blocks;
    into.reserve(this.#count[at]);
    for (let i = place; i < place + this.#count[at]; i++) into.push(this.#lo[i], this.#hi[i]);
    into.endChain();
  }

  /**
   * Gives each of the chain's own blocks to the earliest later chain that runs through it, so that whoever goes on from
   * a block always comes after the chain that owns it, and drops the rest: the endpoint holds nothing beyond those.
   */
  #takeBack(chain: number): void {
    const at = chain % this.#chains;
    const slot = this.#slot[at];
    const own = this.#own[at];
    this.#own[at] = GONE;
    if (own >= this.#count[at]) return;
    if ((this.#credited[slot] - this.#ordinal[at]) >>> 0 > MAX_LATER) return;
    const heirs: number[] = [];
    let later = this.#latest[slot];
    for (; later > chain; later = this.#before[later % this.#chains]) {
      if (this.#own[later % this.#chains] !== GONE) heirs.push(later);
    }
    // Not reached: the slot has another tenant, or credits to it were not remembered.
    if (later !== chain) return;
    let given = own;
    for (const heir of heirs.toReversed()) {
      const shared = this.#commonDepth(heir, chain, given);
      if (shared > given) this.#own[heir % this.#chains] = Math.min(this.#own[heir % this.#chains], given);
      given = shared;
    }
    const place = this.#begin[at] % this.#blocks;
    this.#index.drop(slot, this.#lo, this.#hi, place + given, place + this.#count[at]);
  }

  /** How many leading blocks two chains share, found by halving: equal hashes mean equal prefixes. At least `least`. */
  #commonDepth(a: number, b: number, least: number): number {
    const placeOfA = this.#begin[a % this.#chains] % this.#blocks;
    const placeOfB = this.#begin[b % this.#chains] % this.#blocks;
    let low = least;
    let high = Math.max(least, Math.min(this.#count[a % this.#chains], this.#count[b % this.#chains]));
    let middle = low;
    while (low < high) {
      const same =
        this.#lo[placeOfA + middle] === this.#lo[placeOfB + middle] &&
        this.#hi[placeOfA + middle] === this.#hi[placeOfB + middle];
      if (same) low = middle + 1;
      else high = middle;
      middle = (low + high) >>> 1;
    }
    return low;
  }
}
