import { describe, expect, it } from 'vitest';
import { resolveOptions, type ModelServerOptions } from './server-options.ts';

it('takes limits from the hardware profile', () => {
  const options = resolveOptions({ profile: '8b-a100' });
  expect(options).toMatchObject({ blocks: 27_800, maxNumSeqs: 256, maxBatchedTokens: 2048, maxModelLen: 131_072 });
  expect(options.maxQueuedRequests).toBe(Number.POSITIVE_INFINITY);
});

it('an explicit undefined means the default', () => {
  expect(resolveOptions({ seed: undefined, blocks: undefined, profile: undefined })).toEqual(resolveOptions({}));
});

it('no sequence may outgrow the pool', () => {
  expect(resolveOptions({ blocks: 100 }).maxModelLen).toBe(1600);
});

describe('limits', () => {
  it.each<[ModelServerOptions, ModelServerOptions, string]>([
    [{ port: 65_535 }, { port: 65_536 }, 'port: 65536 is not between 0 and 65535'],
    [{ blocks: 1 }, { blocks: 0 }, 'blocks: 0 is not between 1 and 4000000'],
    [{ speedUp: 1000 }, { speedUp: 1001 }, 'speedUp: 1001 is not between 0.01 and 1000'],
    [{ speedUp: 0.01 }, { speedUp: Number.NaN }, 'speedUp: NaN is not between 0.01 and 1000'],
    [{ seed: 0 }, { seed: 1.5 }, 'seed: 1.5 is not a whole number'],
    [{ maxQueuedRequests: 1 }, { maxQueuedRequests: 0 }, 'maxQueuedRequests: 0 is not between 1 and 1000000'],
    [{ role: 'encode-prefill' }, { role: 'decoder' }, 'role: "decoder" is not one of prefill, decode, encode, '],
    [{ profile: '8b-h100' }, { profile: '8b-tpu' }, 'profile: "8b-tpu" is not one of 8b-h100, '],
  ])('%o is accepted, %o is not', (accepted, refused, message) => {
    expect(() => resolveOptions(accepted)).not.toThrow();
    expect(() => resolveOptions(refused)).toThrow(message);
  });
});
