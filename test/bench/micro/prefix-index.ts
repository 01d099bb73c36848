// The prefix index of 1,000 endpoints with 31,250 blocks each: what it weighs, and what it costs when it is full.
import { PrefixCredits } from '../../../src/datastore/prefix-credits.ts';
import { PrefixIndex } from '../../../src/datastore/prefix-index.ts';
import { SlotCounts } from '../../../src/datastore/prefix-counts.ts';
import { BlockHashes } from '../../../src/lib/block-hash.ts';
import type { Effort, Figure, MicroCase } from '../harness.ts';
import { chain, freshChains } from './chains.ts';
import { cpuUs } from './cpu.ts';

const ENDPOINTS = 1000;
const CAPACITY = 31_250;
const PROMPT_BLOCKS = 24;
const BYTES_TARGET = 24;
const CALLS = 20_000;

type Finding = Omit<Figure, 'name'>;

export const prefixIndex: MicroCase = {
  name: 'prefix-index',
  *run(effort) {
    const endpoints = effort.quick ? ENDPOINTS / 10 : ENDPOINTS;
    const index = new PrefixIndex();
    yield* filling(index, endpoints);
    yield* whenFull(index, endpoints);
    yield* removal(index);
  },
};

/** The latest credits, by which one moves to the endpoint that served after all. */
export const prefixCredits: MicroCase = {
  name: 'prefix-credits',
  *run({ quick }: Effort) {
    const endpoints = 100;
    const index = new PrefixIndex({ defaultCapacity: 3125 });
    const credits = new PrefixCredits(index);
    const scratch = new BlockHashes();
    for (let i = 0; i < 15_000; i++) index.add(i % endpoints, chain(scratch, PROMPT_BLOCKS));
    const count = quick ? CALLS / 10 : CALLS;
    const prompts = freshChains(count, PROMPT_BLOCKS);
    const made = prompts.map((each, i) => credits.add(i % endpoints, each));
    // Of so many the oldest are forgotten, and stay where they are.
    const kept = made.slice(-count / 4);
    const moving = perCall(kept.length, (i) => credits.move(kept[i], (i + 1) % endpoints));
    yield { what: 'move a credit of 24 blocks', value: moving, unit: 'us' };
    const more = freshChains(count, PROMPT_BLOCKS);
    yield {
      what: 'remember a credit of 24 blocks',
      value: perCall(count, (i) => credits.add(i % endpoints, more[i])),
      unit: 'us',
    };
  },
};

function perCall(calls: number, call: (index: number) => unknown): number {
  const us = cpuUs(() => {
    for (let i = 0; i < calls; i++) call(i);
  });
  return us / calls;
}

function* filling(index: PrefixIndex, endpoints: number): Iterable<Finding> {
  const scratch = new BlockHashes();
  const prompts = Math.ceil((endpoints * CAPACITY) / PROMPT_BLOCKS);
  const before = process.memoryUsage().arrayBuffers;
  const perPrompt = perCall(prompts, (i) => index.add(i % endpoints, chain(scratch, PROMPT_BLOCKS)));
  const allocated = process.memoryUsage().arrayBuffers - before;
  const { bytes, totalBlocks } = index;
  yield { what: 'bytes of a block, counted', value: bytes / totalBlocks, unit: 'bytes', target: BYTES_TARGET };
  yield { what: 'bytes of a block, allocated', value: allocated / totalBlocks, unit: 'bytes', target: BYTES_TARGET };
  yield { what: 'index of all blocks', value: bytes / 1e6, unit: 'MB' };
  yield { what: 'add 24 blocks while it fills', value: perPrompt, unit: 'us' };
}

function* whenFull(index: PrefixIndex, endpoints: number): Iterable<Finding> {
  const counts = new SlotCounts();
  const match = (hashes: BlockHashes): void => {
    counts.clear();
    index.match(hashes, counts);
  };
  const fresh = freshChains(CALLS, PROMPT_BLOCKS);
  yield { what: 'match 24 blocks, no hit', value: perCall(CALLS, (i) => match(fresh[i])), unit: 'us' };
  const adding = perCall(CALLS, (i) => index.add(i % endpoints, fresh[i]));
  yield { what: 'add 24 blocks, evicting 24', value: adding, unit: 'us' };
  // Far apart in memory, so not in the CPU's caches.
  const hitting = perCall(CALLS, (i) => match(fresh[(i * 7919) % CALLS]));
  yield { what: 'match 24 blocks, all hit', value: hitting, unit: 'us' };
}

function* removal(index: PrefixIndex): Iterable<Finding> {
  yield { what: 'remove an endpoint', value: cpuUs(() => index.removeEndpoint(3)), unit: 'us' };
  yield { what: 'free all its blocks at once', value: cpuUs(() => index.settle()), unit: 'us' };
}
