import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import { opaqueBody } from './opaque.ts';

const OPAQUE = opaqueBody('none');

/** Routes any body without reading it. */
export const passthroughParser = definePlugin({
  kind: 'parser',
  type: 'passthrough-parser',
  stability: 'beta',
  summary: 'Routes any body without reading it; the fallback for paths nobody else claims.',
  config: v.unknown(),
  create: () => ({ paths: [], dialect: () => 'none', parse: () => OPAQUE }),
});
