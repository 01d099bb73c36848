import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import type { InferenceBody } from '../../core/request.ts';

const OPAQUE: InferenceBody = {
  api: 'opaque',
  dialect: 'none',
  model: '',
  stream: false,
  maxOutputTokens: undefined,
  cacheSalt: '',
  prompts: () => [],
};

/** Routes any body without reading it. */
export const passthroughParser = definePlugin({
  kind: 'parser',
  type: 'passthrough-parser',
  stability: 'beta',
  summary: 'Routes any body without reading it; the fallback for paths nobody else claims.',
  config: v.unknown(),
  create: () => ({ paths: [], dialect: () => 'none', parse: () => OPAQUE }),
});
