import { describe, expect, it } from 'vitest';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { dataKey, keyText, PREFIX_MATCH, TOKENIZED_PROMPT } from '../../core/data.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { prefixBasedPdDecider } from './prefix-based-pd.ts';

interface Known {
  /** Tokens of the prompt; undefined where nobody counted. */
  readonly tokens?: number;
  /** Blocks cached at slots 0, 1, ...; undefined where nobody looked. */
  readonly blocks?: readonly number[];
  readonly blockTokens?: number;
  readonly slot?: number | undefined;
}

function decides(parameters: object, known: Known, producer = 'approx-prefix-cache-producer'): boolean {
  const { tokens, blocks, blockTokens = 64 } = known;
  const board = new DataBoard();
  const decider = create(prefixBasedPdDecider, parameters, pluginContext({}, board));
  const request = inferenceRequest();
  if (tokens !== undefined) {
    board.writer(dataKey(TOKENIZED_PROMPT))(request, { prompts: [], tokens, media: [] });
  }
  if (blocks !== undefined) {
    const match = { blocksBySlot: Uint32Array.from(blocks), totalBlocks: 100, blockTokens };
    board.writer(dataKey(PREFIX_MATCH, producer))(request, match);
  }
  return decider.decide(request, 'slot' in known ? known.slot : 0);
}

// Contract 3.2: n - cachedBlocks x blockSize >= nonCachedTokens, for n >= promptTokens.
describe('prefix-based-pd-decider', () => {
  it.each([
    [16, 0, 15, 0, false],
    [16, 0, 16, 0, true],
    // One block of 64 covers a prompt of 20 tokens, and more.
    [16, 0, 20, 1, false],
    [16, 0, 79, 1, false],
    [16, 0, 80, 1, true],
    [512, 0, 64 * 10 + 511, 10, false],
    [512, 0, 64 * 10 + 512, 10, true],
    // A whole prompt that must be long, cached or not.
    [16, 1000, 999, 0, false],
    [16, 1000, 1000, 0, true],
    [1000, 16, 999, 0, false],
    // 0 is never, however long the prompt.
    [0, 0, 1_000_000, 0, false],
    [0, 10, 1_000_000, 0, false],
  ])(
    'with nonCachedTokens %i and promptTokens %i, of %i tokens and %i blocks cached: %s',
    (nonCachedTokens, promptTokens, tokens, cached, expected) => {
      expect(decides({ nonCachedTokens, promptTokens }, { tokens, blocks: [cached] })).toBe(expected);
    },
  );

  it('looks at the endpoint of the stage before, in blocks of the size that was looked up', () => {
    const known = { tokens: 100, blocks: [0, 3, 6], blockTokens: 16 };
    const parameters = { nonCachedTokens: 50 };
    expect([0, 1, 2].map((slot) => decides(parameters, { ...known, slot }))).toEqual([true, true, false]);
    // One that joined after the look-up has nothing cached.
    expect(decides(parameters, { ...known, slot: 3 })).toBe(true);
  });

  it.each([
    ['tokens', { blocks: [0] }],
    ['a look-up', { tokens: 1000 }],
    ['an endpoint', { tokens: 1000, blocks: [0], slot: undefined }],
  ])('says no without %s', (_what, known) => {
    expect(decides({ nonCachedTokens: 1 }, known)).toBe(false);
  });

  it('asks the producer it is told', () => {
    const known = { tokens: 1000, blocks: [0] };
    const parameters = { nonCachedTokens: 1, prefixMatchInfoProducerName: 'precise' };
    expect(decides(parameters, known)).toBe(false);
    expect(decides(parameters, known, 'precise')).toBe(true);
  });

  it('needs nothing where it always says no, and the producer of the configuration else', () => {
    const keys = (nonCachedTokens: number, prefixMatchInfoProducerName: string) =>
      (prefixBasedPdDecider.consumes?.({ nonCachedTokens, promptTokens: 0, prefixMatchInfoProducerName }) ?? []).map(
        (key) => `${keyText(key)}${key.open === true ? '?' : ''}`,
      );
    const tokens = 'TokenizedPrompt/token-producer';
    expect(keys(0, '')).toEqual([]);
    expect(keys(1, '')).toEqual([tokens, 'PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer?']);
    expect(keys(1, 'precise')).toEqual([tokens, 'PrefixCacheMatchInfoDataKey/precise']);
  });

  it.each([{ nonCachedTokens: -1 }, { promptTokens: -1 }, { nonCachedTokens: 1.5 }])('refuses %j', (parameters) => {
    expect(() => create(prefixBasedPdDecider, parameters)).toThrow();
  });
});
