import type { Random } from '../core/random.ts';

const UINT32 = 2 ** 32;

/**
 * A seeded generator: xoshiro128** by Blackman and Vigna (https://prng.di.unimi.it/xoshiro128starstar.c), its state
 * filled from the seed by splitmix32. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const fill = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = fill();
  let b = fill();
  let c = fill();
  let d = fill();
  const nextUint32 = (): number => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return scrambled;
  };
  return {
    next: () => nextUint32() / UINT32,
    below: (bound) => Math.floor((nextUint32() / UINT32) * bound),
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
