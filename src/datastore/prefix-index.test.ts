import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockHashes } from '../lib/block-hash.ts';
import { SlotCounts } from './prefix-counts.ts';
import { PrefixIndex } from './prefix-index.ts';

/** A prompt is a path in a tree: equal beginnings share blocks. */
type Prompt = readonly number[];

/** One number per prefix, given out in order of first use; the same prefix always gets the same. */
class PrefixNumbers {
  readonly #numbers = new Map<string, number>();

  of(prompt: Prompt, length: number): number {
    const key = prompt.slice(0, length).join('/');
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(key, number);
    }
    return number;
  }
}

/** Spread as a good hash would, so that buckets are used evenly. */
function spread(number: number): readonly [lo: number, hi: number] {
  return [Math.imul(number, 0x9e3779b1) >>> 0, Math.imul(number, 0x85ebca77) >>> 0];
}

/** All in one bucket, and many equal in one word but not in the other. */
function crowded(number: number): readonly [lo: number, hi: number] {
  return [(number & 3) << 28, ((number >>> 2) << 16) >>> 0];
}

function hashesOf(
  prompts: readonly Prompt[],
  numbers: PrefixNumbers,
  hash: (number: number) => readonly [number, number],
): BlockHashes {
  const hashes = new BlockHashes();
  for (const prompt of prompts) {
    hashes.reserve(prompt.length);
    for (let length = 1; length <= prompt.length; length++) hashes.push(...hash(numbers.of(prompt, length)));
    if (prompt.length > 0) hashes.endChain();
  }
  return hashes;
}

/** The same index the slow way: per endpoint a Map in order of use, last used last. */
class NaiveIndex {
  readonly #held = new Map<number, Map<number, true>>();
  readonly #capacity = new Map<number, number>();
  readonly #maxBlocks: number;
  readonly #numbers: PrefixNumbers;

  constructor(maxBlocks: number, numbers: PrefixNumbers) {
    this.#maxBlocks = maxBlocks;
    this.#numbers = numbers;
  }

  held(slot: number): Map<number, true> {
    const held = this.#held.get(slot) ?? new Map<number, true>();
    this.#held.set(slot, held);
    return held;
  }

  get total(): number {
    let total = 0;
    for (const held of this.#held.values()) total += held.size;
    return total;
  }

  add(slot: number, prompts: readonly Prompt[], defaultCapacity: number): void {
    for (const prompt of prompts) {
      const capacity = this.#capacity.get(slot) ?? defaultCapacity;
      const held = this.held(slot);
      const count = Math.min(prompt.length, capacity, this.#maxBlocks);
      for (let length = count; length > 0; length--) {
        const block = this.#numbers.of(prompt, length);
        held.delete(block);
        held.set(block, true);
      }
      this.#evict(held, held.size - capacity);
      this.#shrink(slot, count);
    }
  }

  setCapacity(slot: number, blocks: number): void {
    this.#capacity.set(slot, blocks);
    this.#evict(this.held(slot), this.held(slot).size - blocks);
  }

  remove(slot: number): void {
    this.#held.delete(slot);
    this.#capacity.delete(slot);
  }

  match(prompts: readonly Prompt[]): Map<number, number> {
    const matched = new Map<number, number>();
    for (const [slot, held] of this.#held) {
      let blocks = 0;
      for (const prompt of prompts) {
        let length = 0;
        while (length < prompt.length && held.has(this.#numbers.of(prompt, length + 1))) length++;
        blocks += length;
      }
      if (blocks > 0) matched.set(slot, blocks);
    }
    return matched;
  }

  /** The common bound: whoever has most gives, not counting the prompt just credited to `slot`. */
  #shrink(slot: number, credited: number): void {
    while (this.total > this.#maxBlocks) {
      const most = [...this.#held]
        .map(([other, held]) => ({ other, held, spare: held.size - (other === slot ? credited : 0) }))
        .sort((a, b) => b.spare - a.spare || a.other - b.other)[0];
      this.#evict(most.held, Math.min(most.spare, this.total - this.#maxBlocks));
    }
  }

  #evict(held: Map<number, true>, count: number): void {
    for (let i = 0; i < count; i++) held.delete(held.keys().next().value as number);
  }
}

function matchOf(index: PrefixIndex, hashes: BlockHashes, counts = new SlotCounts()): Map<number, number> {
  counts.clear();
  index.match(hashes, counts);
  const touched = [...counts.touched.subarray(0, counts.touchedCount)];
  expect(new Set(touched).size).toBe(touched.length);
  expect(counts.bySlot.filter((count) => count > 0).length).toBe(touched.length);
  return new Map(touched.map((slot) => [slot, counts.bySlot[slot]]));
}

/**
 * Lists and table agree once removals are settled: every listed block is in the table, and the holders counted there
 * are those that list it.
 */
function checkStructure(index: PrefixIndex, slots: number): void {
  index.settle();
  const listed = new Map<number, number>();
  let total = 0;
  for (let slot = 0; slot < slots; slot++) {
    const held = [...index.held(slot)];
    expect(new Set(held).size).toBe(held.length);
    expect(held.length).toBe(index.size(slot));
    expect(held.length).toBeLessThanOrEqual(index.capacity(slot));
    total += held.length;
    for (const id of held) listed.set(id, (listed.get(id) ?? 0) + 1);
  }
  expect(total).toBe(index.totalBlocks);
  expect(index.blocks.size).toBe(listed.size);
  let found = 0;
  for (const { id, lo, hi } of index.blocks.entries()) {
    found++;
    expect(index.blocks.find(lo, hi)).toBe(id);
    expect(index.holders.count(id)).toBe(listed.get(id));
  }
  expect(found).toBe(listed.size);
}

/** `length` blocks of the prompt called `name`. */
function chain(name: number, length: number): Prompt {
  return Array.from({ length }, (_, i) => (i === 0 ? name : 0));
}

function setup(options: { maxBlocks?: number; defaultCapacity?: number } = {}) {
  const numbers = new PrefixNumbers();
  const index = new PrefixIndex(options);
  const of = (...prompts: Prompt[]): BlockHashes => hashesOf(prompts, numbers, spread);
  return { index, of };
}

describe('PrefixIndex', () => {
  it('knows nothing at first', () => {
    const { index, of } = setup();
    expect(matchOf(index, of(chain(1, 3)))).toEqual(new Map());
    expect([index.totalBlocks, index.size(0), index.capacity(5)]).toEqual([0, 0, 31_250]);
  });

  it('matches the leading run each endpoint holds', () => {
    const { index, of } = setup();
    index.add(3, of([1, 2, 3, 4]));
    index.add(9, of([1, 2, 8]));
    index.add(5, of([7]));
    expect(matchOf(index, of([1, 2, 3, 4, 5]))).toEqual(
      new Map([
        [3, 4],
        [9, 2],
      ]),
    );
    expect(matchOf(index, of([1, 2, 8, 9]))).toEqual(
      new Map([
        [3, 2],
        [9, 3],
      ]),
    );
    expect(matchOf(index, of([2, 3, 4]))).toEqual(new Map());
  });

  it('sums the chains of a request', () => {
    const { index, of } = setup();
    index.add(0, of([1, 2, 3], [4, 5]));
    index.add(1, of([4]));
    expect(matchOf(index, of([1, 2], [4, 5, 6], [4]))).toEqual(
      new Map([
        [0, 5],
        [1, 2],
      ]),
    );
    expect(matchOf(index, of())).toEqual(new Map());
  });

  it('evicts tails before heads', () => {
    const { index, of } = setup({ defaultCapacity: 4 });
    index.add(0, of(chain(1, 4)));
    index.add(0, of(chain(2, 1)));
    expect(matchOf(index, of(chain(1, 4)))).toEqual(new Map([[0, 3]]));
    index.add(0, of(chain(3, 2)));
    expect(matchOf(index, of(chain(1, 4)))).toEqual(new Map([[0, 1]]));
    expect(matchOf(index, of(chain(2, 1)))).toEqual(new Map([[0, 1]]));
  });

  it('evicts the least recently used prompt first', () => {
    const { index, of } = setup({ defaultCapacity: 4 });
    index.add(0, of(chain(1, 2)));
    index.add(0, of(chain(2, 2)));
    index.add(0, of(chain(1, 2)));
    index.add(0, of(chain(3, 2)));
    expect(matchOf(index, of(chain(1, 2), chain(2, 2), chain(3, 2)))).toEqual(new Map([[0, 4]]));
    expect(matchOf(index, of(chain(2, 2)))).toEqual(new Map());
  });

  it.each([
    [5, 5],
    [6, 5],
    [100, 5],
  ])('keeps of a prompt of %d blocks the first %d, its capacity', (blocks, kept) => {
    const { index, of } = setup({ defaultCapacity: 5 });
    index.add(0, of(chain(1, blocks)));
    expect(matchOf(index, of(chain(1, blocks)))).toEqual(new Map([[0, kept]]));
    expect(index.totalBlocks).toBe(kept);
  });

  it('keeps nothing at capacity 0 and evicts at once when capacity falls', () => {
    const { index, of } = setup();
    index.add(0, of(chain(1, 10)));
    index.setCapacity(0, 4);
    expect(matchOf(index, of(chain(1, 10)))).toEqual(new Map([[0, 4]]));
    index.setCapacity(0, 0);
    index.add(0, of(chain(1, 10)));
    expect(matchOf(index, of(chain(1, 10)))).toEqual(new Map());
  });

  it('forgets a removed endpoint, its capacity too', () => {
    const { index, of } = setup();
    index.add(2, of(chain(1, 3)));
    index.add(7, of(chain(1, 2)));
    index.setCapacity(2, 3);
    index.removeEndpoint(2);
    index.removeEndpoint(12_345);
    expect(matchOf(index, of(chain(1, 3)))).toEqual(new Map([[7, 2]]));
    expect([index.size(2), index.capacity(2), index.totalBlocks]).toEqual([0, 31_250, 2]);
  });

  it('frees a removed endpoint little by little, at the latest when its slot has a new tenant', () => {
    const { index, of } = setup();
    index.add(0, of(chain(1, 200)));
    index.add(1, of(chain(1, 200)));
    index.removeEndpoint(0);
    index.removeEndpoint(0);
    const counts = new SlotCounts();
    expect(matchOf(index, of(chain(1, 200)), counts)).toEqual(new Map([[1, 200]]));
    expect([...index.held(0)].length).toBe(200);
    index.add(1, of(chain(2, 1)));
    expect([...index.held(0)].length).toBe(200 - 64);
    index.add(0, of(chain(2, 1)));
    expect([...index.held(0)].length).toBe(1);
    expect(matchOf(index, of(chain(1, 200)), counts)).toEqual(new Map([[1, 200]]));
    expect(index.totalBlocks).toBe(202);
  });

  it('holds the common bound by taking from whoever has most', () => {
    const { index, of } = setup({ maxBlocks: 10 });
    index.add(0, of(chain(1, 6)));
    index.add(1, of(chain(2, 4)));
    index.add(2, of(chain(3, 3)));
    expect([index.size(0), index.size(1), index.size(2)]).toEqual([3, 4, 3]);
    index.add(3, of(chain(4, 20)));
    expect([index.totalBlocks, index.size(3)]).toEqual([10, 10]);
  });

  it('refuses a bound out of range', () => {
    for (const maxBlocks of [0, -1, 1.5, Number.NaN, 2 ** 28 + 1]) {
      expect(() => new PrefixIndex({ maxBlocks })).toThrow(/maxBlocks must be an integer from 1 to 268435456/);
    }
    expect(() => new PrefixIndex({ maxBlocks: 1 })).not.toThrow();
    expect(() => new PrefixIndex({ maxBlocks: 2 ** 28 })).not.toThrow();
  });

  it('survives chains that repeat a hash, which only a collision can make', () => {
    const index = new PrefixIndex({ defaultCapacity: 6 });
    const numbers = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), numbers), { maxLength: 12 }), (steps) => {
        for (const [slot, repeating] of steps) {
          const hashes = new BlockHashes();
          for (const number of repeating) hashes.push(...spread(number));
          hashes.endChain();
          index.add(slot, hashes);
          matchOf(index, hashes);
        }
        checkStructure(index, 3);
      }),
    );
  });

  it('shares a block between every slot there can be', () => {
    const { index, of } = setup();
    const slots = 16_384;
    const hashes = of(chain(1, 2));
    for (let i = 0; i < slots; i++) index.add(Math.imul(i, 7919) & (slots - 1), hashes);
    expect(index.totalBlocks).toBe(2 * slots);
    expect(index.blocks.size).toBe(2);
    const counts = new SlotCounts();
    index.match(hashes, counts);
    expect(counts.touchedCount).toBe(slots);
    expect(counts.bySlot.every((count) => count === 2)).toBe(true);
    for (let slot = 0; slot < slots; slot++) if (slot !== 77) index.removeEndpoint(slot);
    expect(matchOf(index, hashes)).toEqual(new Map([[77, 2]]));
    index.removeEndpoint(77);
    index.settle();
    expect([index.totalBlocks, index.blocks.size]).toEqual([0, 0]);
  });

  it('grows through splits without losing a block, and gives pages back', () => {
    const index = new PrefixIndex({ maxBlocks: 2 ** 20 });
    const blocks = 300_000;
    const perSlot = 30_000;
    const hashes = new BlockHashes();
    const chainOf = (slot: number): BlockHashes => {
      hashes.clear();
      hashes.reserve(perSlot);
      for (let i = 0; i < perSlot; i++) hashes.push(...spread(slot * perSlot + i + 1));
      hashes.endChain();
      return hashes;
    };
    for (let slot = 0; slot < blocks / perSlot; slot++) index.add(slot, chainOf(slot));
    expect(index.totalBlocks).toBe(blocks);
    expect(index.bytes / blocks).toBeLessThanOrEqual(24);
    const counts = new SlotCounts();
    for (let slot = 0; slot < blocks / perSlot; slot++) {
      expect(matchOf(index, chainOf(slot), counts)).toEqual(new Map([[slot, perSlot]]));
    }
    const full = index.bytes;
    for (let slot = 0; slot < blocks / perSlot; slot++) index.removeEndpoint(slot);
    expect(index.totalBlocks).toBe(0);
    index.settle();
    expect(index.bytes).toBeLessThan(full * 0.95);
    expect(index.blocks.size).toBe(0);
    for (let slot = 0; slot < blocks / perSlot; slot++) index.add(slot, chainOf(slot));
    expect(index.bytes).toBeLessThanOrEqual(full);
  });

  it('fills the holes a removed endpoint leaves between the blocks of others', () => {
    const index = new PrefixIndex({ defaultCapacity: 40_000 });
    const hashes = new BlockHashes();
    let next = 0;
    const add = (slot: number): void => {
      hashes.clear();
      hashes.push(...spread(++next));
      hashes.endChain();
      index.add(slot, hashes);
    };
    for (let i = 0; i < 80_000; i++) add(i % 2);
    const full = index.bytes;
    index.removeEndpoint(0);
    index.settle();
    for (let i = 0; i < 40_000; i++) add(2);
    expect(index.bytes).toBe(full);
    expect(index.totalBlocks).toBe(80_000);
  });

  it('needs no more memory the tenth time around', () => {
    const index = new PrefixIndex({ defaultCapacity: 9000 });
    const hashes = new BlockHashes();
    let next = 0;
    // Blocks shared by one to six endpoints, half of them new each time, evicted one by one.
    const round = (): number => {
      for (let prompts = 0; prompts < 200; prompts++) {
        hashes.clear();
        hashes.reserve(90);
        for (let i = 0; i < 90; i++) hashes.push(...spread(++next));
        hashes.endChain();
        for (let slot = 0; slot <= prompts % 6; slot++) index.add((prompts + 5 * slot) % 7, hashes);
      }
      return index.bytes;
    };
    for (let i = 0; i < 3; i++) round();
    const steady = round();
    for (let i = 0; i < 10; i++) expect(round()).toBeLessThanOrEqual(steady * 1.1);
    checkStructure(index, 7);
    for (let slot = 0; slot < 7; slot++) index.removeEndpoint(slot);
    index.settle();
    // What stays: one page of bucket heads and the spare pages.
    expect(index.bytes).toBeLessThanOrEqual(17 * 262_144);
  });
});

const SLOTS = 9;
const slotArbitrary = fc.nat(SLOTS - 1);
const promptArbitrary = fc.array(fc.nat(2), { minLength: 0, maxLength: 8 });
const promptsArbitrary = fc.array(promptArbitrary, { minLength: 1, maxLength: 2 });
const stepArbitrary = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('add' as const), slot: slotArbitrary, prompts: promptsArbitrary }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('match' as const), prompts: promptsArbitrary }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('capacity' as const), slot: slotArbitrary, blocks: fc.nat(12) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), slot: slotArbitrary }) },
);

describe.each([
  ['spread', spread],
  ['crowded into one bucket', crowded],
])('PrefixIndex against the naive index, hashes %s', (_, hash) => {
  it.each([
    [2 ** 20, 10],
    [30, 10],
    [7, 100],
  ])('behaves the same with at most %d blocks, %d an endpoint', (maxBlocks, defaultCapacity) => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
        const numbers = new PrefixNumbers();
        const index = new PrefixIndex({ maxBlocks, defaultCapacity });
        const naive = new NaiveIndex(maxBlocks, numbers);
        for (const step of steps) {
          if (step.kind === 'add') {
            index.add(step.slot, hashesOf(step.prompts, numbers, hash));
            naive.add(step.slot, step.prompts, defaultCapacity);
          } else if (step.kind === 'match') {
            expect(matchOf(index, hashesOf(step.prompts, numbers, hash))).toEqual(naive.match(step.prompts));
          } else if (step.kind === 'capacity') {
            index.setCapacity(step.slot, step.blocks);
            naive.setCapacity(step.slot, step.blocks);
          } else {
            index.removeEndpoint(step.slot);
            naive.remove(step.slot);
          }
        }
        expect(index.totalBlocks).toBe(naive.total);
        checkStructure(index, SLOTS);
        for (let slot = 0; slot < SLOTS; slot++) expect(index.size(slot)).toBe(naive.held(slot).size);
      }),
      { numRuns: 150 },
    );
  });
});
