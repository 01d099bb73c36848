import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataKey, PREFIX_MATCH, TOKENIZED_PROMPT } from '../../src/core/data.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';
import { SAMPLE_PARAMETERS } from '../kit/sample-parameters.ts';

const deciders = PLUGINS.filter(({ kind }) => kind === 'decider') as readonly PluginDefinition<'decider'>[];

/** What producers may have said of a request; undefined where one had nothing to say. */
const known = fc.record({
  prompt: fc.option(
    fc.record({ tokens: fc.nat(1_000_000), media: fc.constantFrom([], [{ modality: 'image' as const, hash: 'h' }]) }),
    { nil: undefined },
  ),
  blocks: fc.option(fc.array(fc.nat(10_000), { maxLength: 6 }), { nil: undefined }),
  slot: fc.option(fc.nat(8), { nil: undefined }),
  body: fc.boolean(),
});

describe.each(deciders)('$type keeps the decider contract', (definition) => {
  it.each([
    ['its defaults', {}],
    ['sample parameters', SAMPLE_PARAMETERS[definition.type] ?? {}],
  ])('says yes or no, and twice the same, whatever is known, with %s', (_what, parameters) => {
    fc.assert(
      fc.property(known, ({ prompt, blocks, slot, body }) => {
        const board = new DataBoard();
        const decider = create(definition, parameters, pluginContext({}, board));
        const request = inferenceRequest(body ? {} : { body: undefined });
        if (prompt !== undefined) board.writer(dataKey(TOKENIZED_PROMPT))(request, { prompts: [], ...prompt });
        if (blocks !== undefined) {
          const match = { blocksBySlot: Uint32Array.from(blocks), totalBlocks: 10_000, blockTokens: 64 };
          board.writer(dataKey(PREFIX_MATCH))(request, match);
        }
        const before = structuredClone(request.data);
        const answer = decider.decide(request, slot);
        expect(answer).toBeTypeOf('boolean');
        expect(decider.decide(request, slot)).toBe(answer);
        expect(request.data).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
});
