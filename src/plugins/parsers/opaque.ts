import type { Dialect, InferenceBody } from '../../core/request.ts';
import { promptOf } from '../../payload/prompt-bytes.ts';

const NO_PROMPT = promptOf([]);

/** A body that is routed without being read. */
export function opaqueBody(dialect: Dialect): InferenceBody {
  return {
    api: 'opaque',
    dialect,
    model: '',
    stream: false,
    maxOutputTokens: undefined,
    cacheSalt: '',
    prompt: () => NO_PROMPT,
  };
}
