/**
 * What the prefix cache costs: `node test/bench/prefix-index.ts [filter] [--full]`. Cases whose name contains the
 * filter run. `--full` fills 1,000 endpoints with 31,250 blocks each (750 MB), otherwise 100 endpoints.
 */
import { parseArgs } from 'node:util';
import { type Credit, PrefixCredits } from '../../src/datastore/prefix-credits.ts';
import { PrefixIndex } from '../../src/datastore/prefix-index.ts';
import { SlotCounts } from '../../src/datastore/prefix-counts.ts';
import { BlockHashes, hashBlocks, hashSeed } from '../../src/lib/block-hash.ts';
import { seededRandom } from '../../src/lib/random.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { full: { type: 'boolean' } } });
const filter = positionals[0] ?? '';
const random = seededRandom(1);
const CAPACITY = 31_250;

function report(name: string, text: string): void {
  process.stdout.write(`${name.padEnd(58)} ${text}\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function bench(name: string, run: (name: string) => void): void {
  if (name.includes(filter)) run(name);
}

interface Times {
  readonly medianUs: number;
  readonly p999Us: number;
  readonly worstUs: number;
}

/** Wall time of single calls in microseconds, after a warm-up. `prepare` is not counted. */
function time(calls: number, call: (i: number) => void, prepare: (i: number) => void = () => {}): Times {
  const warmUp = Math.min(calls, 3000);
  for (let i = 0; i < warmUp; i++) {
    prepare(i);
    call(i);
  }
  const took = new Float64Array(calls);
  for (let i = 0; i < calls; i++) {
    prepare(warmUp + i);
    const start = performance.now();
    call(warmUp + i);
    took[i] = (performance.now() - start) * 1000;
  }
  took.sort();
  return { medianUs: took[calls >>> 1], p999Us: took[Math.floor(calls * 0.999)], worstUs: took[calls - 1] };
}

function us({ medianUs, p999Us, worstUs }: Times): string {
  const text = (value: number): string => value.toFixed(value < 10 ? 2 : 0).padStart(6);
  return `${text(medianUs)} us median ${text(p999Us)} us p99.9 ${text(worstUs)} us worst`;
}

/** A chain of `shared` blocks everybody has, then blocks nobody has. */
function chain(out: BlockHashes, blocks: number, shared = 0, name = 1): BlockHashes {
  out.clear();
  out.reserve(blocks);
  for (let i = 0; i < blocks; i++) {
    if (i < shared) out.push(Math.imul(name * 100_003 + i, 0x9e3779b1), Math.imul(name * 100_003 + i, 0x85ebca77));
    else out.push(random.below(2 ** 32), random.below(2 ** 32));
  }
  out.endChain();
  return out;
}

for (const [label, kilobytes] of [
  ['1.5 kB', 1.5],
  ['60 kB', 60],
  ['512 kB (131,072 tokens)', 512],
  ['4 MB (1M tokens)', 4096],
] as const) {
  bench(`hash ${label}, 256-byte blocks`, (name) => {
    const bytes = Uint8Array.from({ length: kilobytes * 1024 + 3 }, () => 32 + random.below(96)).subarray(3);
    const out = new BlockHashes();
    const result = time(kilobytes > 1000 ? 50 : 2000, () => {
      out.clear();
      hashBlocks(bytes, 256, hashSeed('meta-llama/Llama-3.1-8B-Instruct', ''), out);
    });
    report(name, us(result));
  });
}

bench('fill: unique prompts of 24 blocks', (name) => {
  const endpoints = values.full === true ? 1000 : 100;
  const index = new PrefixIndex();
  const rssBefore = process.memoryUsage().rss;
  const batch = Array.from({ length: 16 }, () => new BlockHashes());
  const fresh = (i: number): unknown => chain(batch[i % 16], 24);
  const credit = (i: number): void => index.add(i % endpoints, batch[i % 16]);
  const prompts = Math.ceil((endpoints * CAPACITY) / 24);
  const filling = time(prompts - 3000, credit, fresh);
  const rss = process.memoryUsage().rss - rssBefore;
  report(name, `${index.totalBlocks} blocks, ${(index.bytes / index.totalBlocks).toFixed(2)} bytes each`);
  report('', `${megabytes(index.bytes)} counted, resident set grew by ${megabytes(rss)}`);
  report('fill: credit of 24 new blocks', us(filling));
  report('full: credit of 24 new blocks, evicting 24', us(time(48_000, credit, fresh)));
  const counts = new SlotCounts();
  const match = (hashes: BlockHashes): void => {
    counts.clear();
    index.match(hashes, counts);
  };
  report('full: match of 24 blocks, no hit', us(time(48_000, (i) => match(batch[i % 16]), fresh)));
  const known = Array.from({ length: 20_000 }, (_, i) => {
    const prompt = chain(new BlockHashes(), 24);
    index.add(i % endpoints, prompt);
    return prompt;
  });
  const pick = (i: number): BlockHashes => known[(i * 7919) % known.length];
  report('full: match of 24 blocks, all hit, not in CPU caches', us(time(16_000, (i) => match(pick(i)))));
  const start = performance.now();
  index.removeEndpoint(3);
  const removed = performance.now();
  index.settle();
  const settled = performance.now();
  report('full: removal of an endpoint', `${((removed - start) * 1000).toFixed(2).padStart(6)} us`);
  report('full: freeing all its blocks at once', `${((settled - removed) * 1000).toFixed(0).padStart(6)} us`);
});

bench('credits: 24 new blocks over 100 full endpoints', (name) => {
  const index = new PrefixIndex({ defaultCapacity: 3125 });
  const credits = new PrefixCredits(index);
  const batch = Array.from({ length: 16 }, () => new BlockHashes());
  const fresh = (i: number): unknown => chain(batch[i % 16], 24);
  for (let i = 0; i < 15_000; i++) index.add(i % 100, chain(batch[0], 24));
  report(name, '');
  report('not remembered', us(time(48_000, (i) => index.add(i % 100, batch[i % 16]), fresh)));
  report('remembered', us(time(48_000, (i) => credits.add(i % 100, batch[i % 16]), fresh)));
  let credit = credits.add(0, batch[0]);
  const pick = (i: number): unknown => {
    fresh(i);
    credit = credits.add(i % 100, batch[i % 16]);
    return credit;
  };
  report('moved to another endpoint', us(time(48_000, (i) => credits.move(credit, (i + 1) % 100), pick)));
  const outage: Credit[] = [];
  for (let i = 0; i < 10_000; i++) outage.push(credits.add(0, chain(batch[0], 24)));
  const start = performance.now();
  for (const [i, each] of outage.entries()) credits.move(each, 1 + (i % 99));
  const each = ((performance.now() - start) * 1000) / outage.length;
  report('moved, one of 10,000 at an endpoint that fails', `${each.toFixed(1).padStart(6)} us mean`);
});

for (const endpoints of [8, 1000]) {
  for (const shared of [6, 200, 2048]) {
    bench(`match: ${endpoints} endpoints share a prefix of ${shared} blocks`, (name) => {
      const index = new PrefixIndex();
      const hashes = chain(new BlockHashes(), shared, shared);
      for (let slot = 0; slot < endpoints; slot++) index.add(slot, hashes);
      const counts = new SlotCounts();
      const matcher = (): void => {
        counts.clear();
        index.match(hashes, counts);
      };
      report(name, us(time(5000, matcher)));
      report('add: the same', us(time(5000, (i) => index.add(i % endpoints, hashes))));
    });
  }
}

bench('match: 1,000 endpoints, each ends at another of 1,000 depths', (name) => {
  const index = new PrefixIndex();
  const hashes = new BlockHashes();
  for (let slot = 0; slot < 1000; slot++) index.add(slot, chain(hashes, slot + 1, 1000));
  const counts = new SlotCounts();
  const matcher = (): void => {
    counts.clear();
    index.match(hashes, counts);
  };
  report(name, us(time(1000, matcher)));
});

bench('bytes: prefill and decode both hold every block', (name) => {
  const index = new PrefixIndex();
  const hashes = new BlockHashes();
  for (let i = 0; i < 50_000; i++) {
    chain(hashes, 24);
    index.add(2 * (i % 20), hashes);
    index.add(2 * (i % 20) + 1, hashes);
  }
  report(name, `${(index.bytes / index.totalBlocks).toFixed(2)} bytes per block and endpoint`);
});

bench('bytes: prompts of one block', (name) => {
  const index = new PrefixIndex();
  const hashes = new BlockHashes();
  for (let i = 0; i < 3_000_000; i++) index.add(i % 96, chain(hashes, 1));
  report(name, `${(index.bytes / index.totalBlocks).toFixed(2)} bytes per block`);
});
