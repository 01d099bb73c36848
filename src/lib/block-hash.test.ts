import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockHashes, type HashSeed, hashBlocks, hashSeed } from './block-hash.ts';
import { seededRandom } from './random.ts';

const SEED = hashSeed('llama', '');
const encoder = new TextEncoder();
/** Two whole blocks and a short one. */
const PINNED = ['e3caa09bc3f70471', '499911414cd9b327', 'ec18e8820140da38'];

function hexes(bytes: Uint8Array, blockBytes = 64, seed: HashSeed = SEED, maxBlocks?: number): string[] {
  const out = new BlockHashes();
  hashBlocks(bytes, blockBytes, seed, out, maxBlocks);
  return Array.from({ length: out.count }, (_, i) => hex(out.hi[i]) + hex(out.lo[i]));
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function bitsOf(word: number): number {
  let bits = 0;
  for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

function randomBytes(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => random.below(256));
}

describe('hashBlocks', () => {
  it('gives the same hashes for ever', () => {
    expect(hexes(encoder.encode('The quick brown fox jumps over the lazy dog'), 16)).toEqual(PINNED);
  });

  it.each([
    [0, 0],
    [1, 1],
    [64, 1],
    [65, 2],
    [128, 2],
    [129, 3],
  ])('makes of %d bytes %d blocks of up to 64', (length, blocks) => {
    expect(hexes(randomBytes(length, 1))).toHaveLength(blocks);
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 3],
    [0, 0],
  ])('stops at %d blocks', (maxBlocks, blocks) => {
    const bytes = randomBytes(150, 1);
    expect(hexes(bytes, 64, SEED, maxBlocks)).toEqual(hexes(bytes).slice(0, blocks));
  });

  it('hashes a prefix alike wherever the prompt goes on, up to the first different block', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (head, tail) => {
        const whole = Math.floor(head.length / 16);
        const joined = hexes(new Uint8Array([...head, ...tail]), 16);
        expect(joined.slice(0, whole)).toEqual(hexes(head, 16).slice(0, whole));
      }),
    );
  });

  it('does not depend on alignment', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(15), (bytes, offset) => {
        const shifted = new Uint8Array(bytes.length + offset + 5).fill(0xaa);
        shifted.set(bytes, offset);
        for (const blockBytes of [4, 24, 28]) {
          expect(hexes(shifted.subarray(offset, offset + bytes.length), blockBytes)).toEqual(hexes(bytes, blockBytes));
        }
      }),
    );
  });

  it('tells a short last block from a longer one that is padded', () => {
    for (let length = 1; length < 64; length++) {
      const short = hexes(new Uint8Array(length));
      expect(short).not.toEqual(hexes(new Uint8Array(length + 1)));
    }
  });

  it('chains: one changed byte changes every hash from its block on, none before', () => {
    const bytes = randomBytes(640, 2);
    const before = hexes(bytes);
    bytes[200] ^= 1;
    const after = hexes(bytes);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    for (let i = 3; i < 10; i++) expect(after[i]).not.toBe(before[i]);
  });

  it('never shares between models or salts', () => {
    const bytes = randomBytes(64, 3);
    const seeds = [
      ['', ''],
      ['a', ''],
      ['', 'a'],
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc', ''],
      ['b', ''],
      ['a', 'a'],
    ];
    const hashes = seeds.map(([model, salt]) => hexes(bytes, 64, hashSeed(model, salt))[0]);
    expect(new Set(hashes).size).toBe(seeds.length);
  });

  it('appends one chain per prompt', () => {
    const out = new BlockHashes();
    expect(hashBlocks(randomBytes(100, 4), 64, SEED, out)).toBe(2);
    expect(hashBlocks(new Uint8Array(0), 64, SEED, out)).toBe(0);
    expect(hashBlocks(randomBytes(6400, 5), 64, SEED, out)).toBe(100);
    expect([out.count, out.chains, out.ends.slice(0, out.chains)]).toEqual([102, 2, [2, 102]]);
    out.clear();
    expect([out.count, out.chains]).toEqual([0, 0]);
  });

  it('turns over half of the hash for any one bit of the block', () => {
    const bytes = randomBytes(64, 6);
    const reference = new BlockHashes();
    hashBlocks(bytes, 64, SEED, reference);
    let flipped = 0;
    for (let bit = 0; bit < 512; bit++) {
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      const out = new BlockHashes();
      hashBlocks(bytes, 64, SEED, out);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      const bits = bitsOf(out.lo[0] ^ reference.lo[0]) + bitsOf(out.hi[0] ^ reference.hi[0]);
      expect(bits).toBeGreaterThan(10);
      flipped += bits;
    }
    expect(flipped / 512).toBeGreaterThan(30);
    expect(flipped / 512).toBeLessThan(34);
  });

  it('has no collisions among two million structured blocks', () => {
    const blocks = 2_000_000;
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    const out = new BlockHashes();
    out.reserve(blocks);
    for (let i = 0; i < blocks; i++) {
      // Counters in different places: the differences are few bits, next to each other.
      view.setUint32((i & 3) * 4, i >>> 2, true);
      hashBlocks(bytes, 16, SEED, out);
      view.setUint32((i & 3) * 4, 0, true);
    }
    const keys = new Float64Array(blocks);
    // 53 of the 64 bits: what a double keeps exactly, and 2,200 times fewer accidents than one expects to see.
    for (let i = 0; i < blocks; i++) keys[i] = (out.hi[i] & 0x1f_ffff) * 2 ** 32 + out.lo[i];
    keys.sort();
    let same = 0;
    for (let i = 1; i < blocks; i++) if (keys[i] === keys[i - 1]) same++;
    // Four zero counters make the same all-zero block.
    expect(same).toBe(3);
    const buckets = new Uint32Array(65_536);
    for (let i = 0; i < blocks; i++) buckets[out.hi[i] & 0xffff]++;
    const fullest = buckets.reduce((a, b) => Math.max(a, b), 0);
    expect(fullest).toBeLessThan(65);
  });
});
