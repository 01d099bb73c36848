const NONE = -1;
const NO_HASH = 0;

/**
 * The KV cache: a fixed number of blocks, each free or held by one or more sequences.
 *
 *     free list (an LRU queue):   head [oldest] <-> ... <-> [newest] tail
 *                                  ^ allocate takes here        ^ release puts here, a sequence's tail block first
 *
 * A computed block has a hash and can be shared. A free block keeps its hash, and so can still be hit, until it is
 * taken. Releasing the tail of a sequence first makes the beginnings of prompts live longest.
 */
export class BlockPool {
  readonly size: number;
  readonly #refs: Uint32Array;
  readonly #hashes: Float64Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #byHash = new Map<number, number>();
  #head = NONE;
  #tail = NONE;
  #free = 0;

  /** `size` is a positive number of blocks. */
  constructor(size: number) {
    this.size = size;
    this.#refs = new Uint32Array(size);
    this.#hashes = new Float64Array(size);
    this.#next = new Int32Array(size).fill(NONE);
    this.#previous = new Int32Array(size).fill(NONE);
    for (let block = 0; block < size; block += 1) this.#append(block);
  }

  get free(): number {
    return this.#free;
  }

  /** Blocks that could be hit now, free or held. */
  get cached(): number {
    return this.#byHash.size;
  }

  /** Share of blocks held, 0..1. Cached blocks nobody reads count as free, as in vLLM. */
  usage(): number {
    return 1 - this.#free / this.size;
  }

  refCount(block: number): number {
    return this.#refs[block];
  }

  /** The cached blocks for the longest run of `hashes` from the front, at most `limit` of them. */
  match(hashes: readonly number[], limit: number): number[] {
    const blocks: number[] = [];
    for (let index = 0; index < limit; index += 1) {
      const block = this.#byHash.get(hashes[index]);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** How many of `blocks` nobody holds: taking them shrinks the free list by as much. */
  countFree(blocks: readonly number[]): number {
    let free = 0;
    for (const block of blocks) if (this.#refs[block] === 0) free += 1;
    return free;
  }

  /** Holds a cached block once more. */
  share(block: number): void {
    if (this.#refs[block] === 0) this.#unlink(block);
    this.#refs[block] += 1;
  }

  /** Takes the block unused for longest; what it cached is gone. Throws when none is free. */
  allocate(): number {
    const block = this.#head;
    if (block === NONE) throw new Error('no free block');
    this.#unlink(block);
    const hash = this.#hashes[block];
    if (hash !== NO_HASH) {
      this.#byHash.delete(hash);
      this.#hashes[block] = NO_HASH;
    }
    this.#refs[block] = 1;
    return block;
  }

  /** Makes a computed block hittable under `hash`, unless another block already is. */
  publish(block: number, hash: number): void {
    if (this.#hashes[block] !== NO_HASH || this.#byHash.has(hash)) return;
    this.#hashes[block] = hash;
    this.#byHash.set(hash, block);
  }

  /** Lets go of a sequence's blocks, given front to tail. */
  release(blocks: readonly number[]): void {
    for (let index = blocks.length - 1; index >= 0; index -= 1) {
      const block = blocks[index];
      if (this.#refs[block] === 0) throw new Error(`block ${block} released twice`);
      this.#refs[block] -= 1;
      if (this.#refs[block] === 0) this.#append(block);
    }
  }

  #append(block: number): void {
    this.#previous[block] = this.#tail;
    this.#next[block] = NONE;
    if (this.#tail === NONE) this.#head = block;
    else this.#next[this.#tail] = block;
    this.#tail = block;
    this.#free += 1;
  }

  #unlink(block: number): void {
    const previous = this.#previous[block];
    const next = this.#next[block];
    if (previous === NONE) this.#head = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail = previous;
    else this.#previous[next] = previous;
    this.#free -= 1;
  }
}
