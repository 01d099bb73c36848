import { NO_HEADERS } from '../../src/core/headers.ts';
import type { TokenizedPrompt } from '../../src/core/prompt.ts';
import type { InferenceBody } from '../../src/core/request.ts';
import { MEDIA_DEFAULTS, MediaEstimate } from '../../src/payload/prompt-media.ts';

const MEDIA = new MediaEstimate(MEDIA_DEFAULTS);

/** A body's prompt as the estimate sees it unless told otherwise. */
export function promptIn(body: InferenceBody): TokenizedPrompt {
  return body.prompt(MEDIA, NO_HEADERS);
}

/** The bytes of its prompts. */
export function promptsOf(body: InferenceBody): readonly Uint8Array[] {
  return promptIn(body).prompts;
}
