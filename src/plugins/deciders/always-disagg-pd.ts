import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** Always takes the stage. */
export const alwaysDisaggPdDecider = definePlugin({
  kind: 'decider',
  type: 'always-disagg-pd-decider',
  stability: 'beta',
  summary: 'Sends every request through the stage it decides about.',
  config: v.unknown(),
  create: () => ({ decide: () => true }),
});
