import { expect, it } from 'vitest';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { dataKey, TOKENIZED_PROMPT } from '../../core/data.ts';
import type { MediaItem } from '../../core/prompt.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { alwaysDisaggMultimodalDecider } from './always-disagg-multimodal.ts';

const media = (modality: MediaItem['modality']): MediaItem => ({ modality, hash: 'h' });

// Contract 3.2: true iff the tokenized prompt has multimodal features.
it.each([
  [false, []],
  [true, [media('image')]],
  [true, [media('video')]],
  [true, [media('audio')]],
  [true, [media('image'), media('audio')]],
])('always-disagg-multimodal-decider says %s for the media %j, with and without an endpoint', (expected, items) => {
  const board = new DataBoard();
  const decider = create(alwaysDisaggMultimodalDecider, {}, pluginContext({}, board));
  const request = inferenceRequest();
  expect(decider.decide(request, 0)).toBe(false);
  board.writer(dataKey(TOKENIZED_PROMPT))(request, { prompts: [], tokens: 100, media: items });
  expect([decider.decide(request, 0), decider.decide(request, undefined)]).toEqual([expected, expected]);
});
