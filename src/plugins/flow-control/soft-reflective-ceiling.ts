import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** The lower a priority, the earlier it is held back, at first every now and then. Checked only: there are no queues yet. */
export const softReflectiveCeilingPolicy = definePlugin({
  kind: 'usage-limit-policy',
  type: 'soft-reflective-ceiling-policy',
  stability: 'alpha',
  summary: 'Holds lower priorities back by degrees as saturation rises. Without effect yet.',
  config: v.pipe(
    // Other types without parameters bear some; this one never did.
    v.record(v.string(), v.unknown()),
    v.check((given) => Object.keys(given).length === 0, 'must be empty: there are no parameters'),
  ),
  create: () => ({}),
});
