import { BlockHashes } from '../../../src/lib/block-hash.ts';
import { seededRandom } from '../../../src/lib/random.ts';

const random = seededRandom(1);

/** Fills `out` with a chain of `shared` blocks everybody has, then blocks nobody has. */
export function chain(out: BlockHashes, blocks: number, shared = 0): BlockHashes {
  out.clear();
  out.reserve(blocks);
  for (let i = 0; i < blocks; i++) {
    if (i < shared) out.push(Math.imul(100_003 + i, 0x9e3779b1), Math.imul(100_003 + i, 0x85ebca77));
    else out.push(random.below(2 ** 32), random.below(2 ** 32));
  }
  out.endChain();
  return out;
}

/** Prompts of `blocks` new blocks each. */
export function freshChains(count: number, blocks: number): BlockHashes[] {
  return Array.from({ length: count }, () => chain(new BlockHashes(), blocks));
}
