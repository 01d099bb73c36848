// Hashing prompts, and matching and crediting prefixes that endpoints share.
import { PrefixIndex } from '../../../src/datastore/prefix-index.ts';
import { SlotCounts } from '../../../src/datastore/prefix-counts.ts';
import { BlockHashes, hashBlocks, hashSeed } from '../../../src/lib/block-hash.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import type { Figure, MicroCase } from '../harness.ts';
import { PROMPT_SIZES } from './bodies.ts';
import { chain } from './chains.ts';
import { costUs } from './cpu.ts';

const BLOCK_BYTES = 256;

export const prefixHash: MicroCase = {
  name: 'prefix-hash',
  *run(effort) {
    const random = seededRandom(1);
    const seed = hashSeed('meta-llama/Llama-3.1-8B-Instruct', '');
    for (const [size, bytes] of PROMPT_SIZES) {
      // Bodies lie anywhere in their buffers.
      const text = Uint8Array.from({ length: bytes + 3 }, () => 32 + random.below(96)).subarray(3);
      const out = new BlockHashes();
      const hash = (): void => {
        out.clear();
        hashBlocks(text, BLOCK_BYTES, seed, out);
      };
      yield { what: `hash ${size}`, value: costUs(effort, hash), unit: 'us' };
    }
  },
};

export const prefixMatch: MicroCase = {
  name: 'prefix-match',
  *run(effort) {
    for (const endpoints of [8, 1000]) {
      for (const shared of [6, 200, 2048]) {
        const index = new PrefixIndex();
        const hashes = chain(new BlockHashes(), shared, shared);
        for (let slot = 0; slot < endpoints; slot++) index.add(slot, hashes);
        const what = `${shared} blocks that ${endpoints} endpoints share`;
        yield { what: `match ${what}`, value: costUs(effort, matching(index, hashes)), unit: 'us' };
        const adding = costUs(effort, (i) => index.add(i % endpoints, hashes));
        yield { what: `add ${what}`, value: adding, unit: 'us' };
      }
    }
    const index = new PrefixIndex();
    const hashes = new BlockHashes();
    for (let slot = 0; slot < 1000; slot++) index.add(slot, chain(hashes, slot + 1, 1000));
    yield { what: 'match 1000 ends at 1000 depths', value: costUs(effort, matching(index, hashes)), unit: 'us' };
  },
};

export const prefixBytes: MicroCase = {
  name: 'prefix-bytes',
  *run({ quick }) {
    const fill = (
      prompts: number,
      blocks: number,
      add: (index: PrefixIndex, i: number, hashes: BlockHashes) => void,
    ) => {
      const index = new PrefixIndex();
      const hashes = new BlockHashes();
      for (let i = 0; i < prompts; i++) add(index, i, chain(hashes, blocks));
      return index.bytes / index.totalBlocks;
    };
    const pairs = fill(quick ? 5000 : 50_000, 24, (index, i, hashes) => {
      index.add(2 * (i % 20), hashes);
      index.add(2 * (i % 20) + 1, hashes);
    });
    const finding = (what: string, value: number): Omit<Figure, 'name'> => ({ what, value, unit: 'bytes' });
    yield finding('a block that two endpoints hold, for each', pairs);
    const single = fill(quick ? 300_000 : 3_000_000, 1, (index, i, hashes) => index.add(i % 96, hashes));
    yield finding('a block of prompts of one block', single);
  },
};

function matching(index: PrefixIndex, hashes: BlockHashes): () => void {
  const counts = new SlotCounts();
  return () => {
    counts.clear();
    index.match(hashes, counts);
  };
}
