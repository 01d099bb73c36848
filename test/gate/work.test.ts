import { expect, it } from 'vitest';
import { SlotCounts } from '../../src/datastore/prefix-counts.ts';
import { PrefixIndex } from '../../src/datastore/prefix-index.ts';
import { BlockHashes } from '../../src/lib/block-hash.ts';
import { countWork } from './work.ts';

// Every bound of the gate is one from above, so what counts has to be known to count.
it('sees every operation it is to count, and the bytes in it', () => {
  const bytes = Buffer.from('{"a":1}');
  const hashes = new BlockHashes();
  hashes.push(1, 2);
  const work = countWork(() => {
    JSON.stringify(JSON.parse(bytes.toString('utf8')));
    Buffer.concat([bytes, bytes]).copy(Buffer.alloc(10));
    clearTimeout(setTimeout(() => {}, 0));
    hashes.endChain();
    new PrefixIndex().add(0, hashes);
    new PrefixIndex().match(hashes, new SlotCounts());
  });
  expect(work).toEqual({
    parse: { calls: 1, bytes: 7 },
    stringify: { calls: 1, bytes: 7 },
    decode: { calls: 1, bytes: 7 },
    concat: { calls: 1, bytes: 14 },
    copy: { calls: 1, bytes: 10 },
    timer: { calls: 1, bytes: 0 },
    match: { calls: 1, bytes: 0 },
    credit: { calls: 1, bytes: 0 },
    hash: { calls: 1, bytes: 0 },
  });
});

it('leaves no trace', () => {
  const before = JSON.parse;
  expect(() =>
    countWork(() => {
      throw new Error('broken');
    }),
  ).toThrow('broken');
  expect(JSON.parse).toBe(before);
});
