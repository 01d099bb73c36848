import type { Dialect, InferenceBody } from '../../core/request.ts';

/** A body that is routed without being read. */
export function opaqueBody(dialect: Dialect): InferenceBody {
  return {
    api: 'opaque',
    dialect,
    model: '',
    stream: false,
    maxOutputTokens: undefined,
    cacheSalt: '',
    prompts: () => [],
  };
}
