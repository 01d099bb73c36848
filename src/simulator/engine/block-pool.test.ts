import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockPool } from './block-pool.ts';

const SIZE = 12;

/** One thing a sequence does to the pool; numbers are folded into what is possible at that moment. */
type Step =
  | { readonly kind: 'allocate'; readonly count: number; readonly publish: boolean }
  | { readonly kind: 'share'; readonly hash: number }
  | { readonly kind: 'release'; readonly holder: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('allocate' as const), count: fc.integer({ min: 1, max: 5 }), publish: fc.boolean() }),
  fc.record({ kind: fc.constant('share' as const), hash: fc.nat(40) }),
  fc.record({ kind: fc.constant('release' as const), holder: fc.nat(20) }),
);

describe('conservation', () => {
  it('every block is either free or held, whatever sequences do', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pool = new BlockPool(SIZE);
        const holders: number[][] = [];
        let hashes = 0;
        for (const one of steps) {
          if (one.kind === 'release') {
            const [blocks] = holders.splice(one.holder % Math.max(1, holders.length), 1);
            if (blocks !== undefined) pool.release(blocks);
          } else if (one.kind === 'share') {
            const blocks = pool.match([one.hash], 1);
            for (const block of blocks) pool.share(block);
            holders.push(blocks);
          } else if (one.count <= pool.free) {
            const blocks = Array.from({ length: one.count }, () => pool.allocate());
            for (const block of blocks) {
              expect(pool.refCount(block)).toBe(1);
              expect(holders.flat()).not.toContain(block);
              hashes += 1;
              if (one.publish) pool.publish(block, hashes);
            }
            holders.push(blocks);
          }
          expectConserved(pool, holders);
        }
        for (const blocks of holders) pool.release(blocks);
        expect(pool.free).toBe(SIZE);
        expect(pool.usage()).toBe(0);
        // Every block can still be had: the free list lost none and holds none twice.
        expect(new Set(Array.from({ length: SIZE }, () => pool.allocate())).size).toBe(SIZE);
        expect(pool.cached).toBe(0);
      }),
    );
  });

  function expectConserved(pool: BlockPool, holders: readonly number[][]): void {
    const refs = new Map<number, number>();
    for (const block of holders.flat()) refs.set(block, (refs.get(block) ?? 0) + 1);
    expect(pool.free).toBe(SIZE - refs.size);
    expect(pool.cached).toBeLessThanOrEqual(SIZE);
    for (let block = 0; block < SIZE; block += 1) expect(pool.refCount(block)).toBe(refs.get(block) ?? 0);
  }
});

describe('the free list', () => {
  it('is taken from oldest to newest, a sequence from its tail', () => {
    const pool = new BlockPool(4);
    const first = [pool.allocate(), pool.allocate()];
    const second = [pool.allocate(), pool.allocate()];
    pool.release(second);
    pool.release(first);
    expect([pool.allocate(), pool.allocate(), pool.allocate(), pool.allocate()]).toEqual([
      ...second.toReversed(),
      ...first.toReversed(),
    ]);
  });

  it('keeps what free blocks cache until they are taken', () => {
    const pool = new BlockPool(2);
    const blocks = [pool.allocate(), pool.allocate()];
    pool.publish(blocks[0], 71);
    pool.publish(blocks[1], 72);
    pool.release(blocks);
    expect(pool.match([71, 72, 73], 3)).toEqual(blocks);
    // The tail goes first, so the beginning of the prompt survives.
    pool.allocate();
    expect(pool.match([71, 72], 2)).toEqual([blocks[0]]);
  });

  it('gives up a block that is shared again', () => {
    const pool = new BlockPool(2);
    const block = pool.allocate();
    pool.publish(block, 5);
    pool.release([block]);
    pool.share(block);
    pool.allocate();
    expect(pool.free).toBe(0);
    expect(() => pool.allocate()).toThrow('no free block');
    expect(pool.refCount(block)).toBe(1);
  });
});

describe('hits', () => {
  it('end at the first gap and at the limit', () => {
    const pool = new BlockPool(4);
    for (const hash of [1, 2, 4]) pool.publish(pool.allocate(), hash);
    expect(pool.match([1, 2, 3, 4], 4)).toHaveLength(2);
    expect(pool.match([1, 2], 1)).toHaveLength(1);
    expect(pool.match([9], 1)).toHaveLength(0);
  });

  it('know one block per hash', () => {
    const pool = new BlockPool(2);
    const first = pool.allocate();
    const twin = pool.allocate();
    pool.publish(first, 1);
    pool.publish(twin, 1);
    pool.release([twin]);
    expect(pool.match([1], 1)).toEqual([first]);
  });
});

it('refuses to release what nobody holds', () => {
  const pool = new BlockPool(1);
  const block = pool.allocate();
  pool.release([block]);
  expect(() => pool.release([block])).toThrow('released twice');
});
