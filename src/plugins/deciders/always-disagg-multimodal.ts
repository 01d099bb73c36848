import * as v from 'valibot';
import { dataKey, TOKENIZED_PROMPT } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';

/** Takes the stage when there is something to encode: a picture, a video or a clip in the prompt. */
export const alwaysDisaggMultimodalDecider = definePlugin({
  kind: 'decider',
  type: 'always-disagg-multimodal-decider',
  stability: 'beta',
  summary: 'Sends requests with pictures, videos or sound through the stage it decides about.',
  config: v.unknown(),
  consumes: () => [dataKey(TOKENIZED_PROMPT)],
  create: (_config, context) => {
    const promptOf = context.read(dataKey(TOKENIZED_PROMPT));
    return { decide: (request) => (promptOf(request)?.media.length ?? 0) > 0 };
  },
});
