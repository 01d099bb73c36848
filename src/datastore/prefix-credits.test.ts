import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockHashes } from '../lib/block-hash.ts';
import { SlotCounts } from './prefix-counts.ts';
import { type Credit, type CreditLimits, PrefixCredits } from './prefix-credits.ts';
import { PrefixIndex, type PrefixIndexOptions } from './prefix-index.ts';

/** A prompt is a text of blocks, one letter each. */
function hashesOf(...prompts: string[]): BlockHashes {
  const hashes = new BlockHashes();
  for (const prompt of prompts) {
    hashes.reserve(prompt.length);
    let hash = 7;
    for (const letter of prompt) {
      hash = (Math.imul(hash, 0x9e3779b1) + letter.charCodeAt(0)) >>> 0;
      hashes.push(hash, Math.imul(hash, 0x85ebca77) >>> 0);
    }
    if (prompt !== '') hashes.endChain();
  }
  return hashes;
}

function setup(options: PrefixIndexOptions = {}, limits: CreditLimits = { chains: 64, blocks: 256 }) {
  const index = new PrefixIndex(options);
  const credits = new PrefixCredits(index, limits);
  return {
    index,
    credits,
    add: (slot: number, ...prompts: string[]): Credit => credits.add(slot, hashesOf(...prompts)),
    /** Blocks of the prompt each of the first slots has. */
    match(prompt: string, slots = 3): number[] {
      const counts = new SlotCounts();
      index.match(hashesOf(prompt), counts);
      return [...counts.bySlot.subarray(0, slots)];
    },
  };
}

describe('PrefixCredits', () => {
  it('moves a credit to the endpoint that served', () => {
    const { credits, add, match } = setup();
    const credit = add(0, 'abc');
    credits.move(credit, 1);
    expect(match('abcd')).toEqual([0, 3, 0]);
    credits.move(credit, 2);
    expect(match('abcd')).toEqual([0, 3, 3]);
  });

  it('leaves the endpoint what it had before', () => {
    const { credits, add, match } = setup();
    add(0, 'ab');
    credits.move(add(0, 'abcd'), 1);
    expect([match('abcd'), match('ab')]).toEqual([
      [2, 4, 0],
      [2, 2, 0],
    ]);
    credits.move(add(0, 'ab'), 1);
    expect(match('ab')).toEqual([2, 2, 0]);
  });

  it('leaves it what it was credited with since', () => {
    const { credits, add, match } = setup();
    const first = add(0, 'abcd');
    add(0, 'abx');
    credits.move(first, 1);
    expect([match('abcd'), match('abx')]).toEqual([
      [2, 4, 0],
      [3, 2, 0],
    ]);
  });

  it('takes everything back when all who shared it move, in any order', () => {
    const prompts = ['ab', 'abc', 'abx', 'abcd', 'z'];
    const orders = fc.shuffledSubarray([...prompts.keys()], { minLength: prompts.length });
    fc.assert(
      fc.property(orders, (order) => {
        const { index, credits, add } = setup();
        const given = prompts.map((prompt) => add(0, prompt));
        for (const i of order) credits.move(given[i], 1);
        expect([index.size(0), index.size(1)]).toEqual([0, 6]);
      }),
    );
  });

  it('moves every prompt of a request, also those that share their beginning', () => {
    const { index, credits, add, match } = setup();
    credits.move(add(0, 'ab', 'ac', 'ab', 'x'), 1);
    expect([match('ab'), match('ac'), match('x')]).toEqual([
      [0, 2, 0],
      [0, 2, 0],
      [0, 1, 0],
    ]);
    expect(index.totalBlocks).toBe(4);
  });

  it('does not touch the next tenant of a slot', () => {
    const { credits, add, match } = setup();
    const credit = add(0, 'abc');
    credits.forget(0);
    expect(match('abc')).toEqual([0, 0, 0]);
    add(0, 'ab');
    credits.move(credit, 1);
    expect(match('abc')).toEqual([2, 3, 0]);
  });

  it.each([
    ['blocks', ['a'.repeat(32)], ['a'.repeat(33)]],
    ['prompts', Array.from('abcdefgh'), Array.from('abcdefghi')],
  ])('remembers no request of more than an eighth of the %s, and takes nothing back before one', (_, last, first) => {
    const { credits, add, match, index } = setup();
    const before = add(0, 'ax');
    const remembered = add(1, ...last);
    const forgotten = add(0, ...first);
    expect([remembered.chains, forgotten.chains]).toEqual([last.length, 0]);
    const size = index.size(0);
    credits.move(before, 2);
    credits.move(forgotten, 2);
    expect([match('ax'), index.size(0)]).toEqual([[2, 1, 2], size]);
    credits.move(remembered, 2);
    expect(index.size(1)).toBe(0);
    expect(match(last[0])[2]).toBe(last[0].length);
  });

  it('forgets the oldest credits when there are too many', () => {
    const { credits, add, match } = setup();
    const first = add(0, 'ab');
    const second = add(0, 'cd');
    for (let i = 2; i < 64; i++) add(2, 'x');
    credits.move(first, 1);
    expect(match('ab')).toEqual([0, 2, 0]);
    // The move was a credit too, in place of the first.
    add(2, 'x');
    credits.move(second, 1);
    expect(match('cd')).toEqual([2, 0, 0]);
  });

  it('forgets the oldest credits when they have too many blocks', () => {
    const { credits, add, match } = setup();
    const first = add(0, 'ab');
    const second = add(0, 'cd');
    for (let i = 0; i < 7; i++) add(2, 'x'.repeat(32));
    add(2, 'x'.repeat(28));
    credits.move(second, 1);
    expect(match('cd')).toEqual([0, 2, 0]);
    credits.move(first, 1);
    expect(match('ab')).toEqual([2, 0, 0]);
  });

  it('takes nothing back after more than 1,024 further credits to the endpoint', () => {
    const { credits, add, match } = setup({}, { chains: 4096, blocks: 8192 });
    const [first, second] = [add(0, 'ab'), add(0, 'cd')];
    for (let i = 1; i <= 1024; i++) add(0, 'x');
    credits.move(first, 1);
    credits.move(second, 1);
    expect([match('ab'), match('cd')]).toEqual([
      [2, 2, 0],
      [0, 2, 0],
    ]);
  });

  it('has room for 16,384 credits and 262,144 blocks unless told otherwise', () => {
    const index = new PrefixIndex({ defaultCapacity: 100_000 });
    const credits = new PrefixCredits(index);
    expect(credits.add(0, hashesOf('a'.repeat(32_768))).chains).toBe(1);
    expect(credits.add(0, hashesOf('a'.repeat(32_769))).chains).toBe(0);
    expect(credits.add(0, hashesOf(...Array.from({ length: 2048 }, () => 'a'))).chains).toBe(2048);
    expect(credits.add(0, hashesOf(...Array.from({ length: 2049 }, () => 'a'))).chains).toBe(0);
  });
});

/** Mostly alike, so that much is shared. */
const promptArbitrary = fc.string({ unit: fc.constantFrom('a', 'a', 'a', 'b'), maxLength: 6 });
const slotArbitrary = fc.constantFrom(0, 0, 0, 1, 2, 3);
const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      slot: slotArbitrary,
      prompts: fc.array(promptArbitrary, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('move' as const), which: fc.nat(30), to: slotArbitrary }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), slot: slotArbitrary }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('capacity' as const), slot: slotArbitrary, blocks: fc.nat(8) }),
  },
);

describe('PrefixCredits whatever moves', () => {
  it.each([
    [2 ** 20, 50],
    [2 ** 20, 5],
    [12, 50],
  ])('keeps leading runs, with at most %d blocks, %d an endpoint', (maxBlocks, defaultCapacity) => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 10, maxLength: 40 }), (steps) => {
        const { index, credits, add } = setup({ maxBlocks, defaultCapacity });
        const given: { credit: Credit; slot: number }[] = [];
        for (const step of steps) {
          if (step.kind === 'add') given.push({ slot: step.slot, credit: add(step.slot, ...step.prompts) });
          else if (step.kind === 'forget') credits.forget(step.slot);
          else if (step.kind === 'capacity') index.setCapacity(step.slot, step.blocks);
          else {
            const moved = given[step.which % Math.max(1, given.length)];
            if (moved !== undefined && moved.slot !== step.to) credits.move(moved.credit, step.to);
          }
        }
        index.settle();
        expectLeadingRuns(index);
      }),
      { numRuns: 300 },
    );
  });
});

const ALL_PROMPTS = Array.from({ length: 64 }, (_, bits) =>
  hashesOf(bits.toString(2).padStart(6, '0').replaceAll('0', 'a').replaceAll('1', 'b')),
);

/** What is matched is what is held, block by block, and nothing is held behind a gap. */
function expectLeadingRuns(index: PrefixIndex): void {
  const counts = new SlotCounts();
  for (let slot = 0; slot < 4; slot++) {
    const held = new Set(index.held(slot));
    const reached = new Set<number>();
    for (const hashes of ALL_PROMPTS) {
      let run = 0;
      for (; run < 6; run++) {
        const id = index.blocks.find(hashes.lo[run], hashes.hi[run]);
        if (!held.has(id)) break;
        reached.add(id);
      }
      counts.clear();
      index.match(hashes, counts);
      if (counts.bySlot[slot] !== run) expect(counts.bySlot[slot]).toBe(run);
    }
    expect([reached.size, index.size(slot)]).toEqual([held.size, held.size]);
  }
}
