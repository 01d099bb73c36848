import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/** Only requests of negative priority may be evicted. Checked only: there are no queues yet. */
export const sheddableEvictionFilter = definePlugin({
  kind: 'eviction-policy',
  type: 'sheddable-eviction-filter',
  stability: 'alpha',
  summary: 'Lets requests of negative priority be evicted. Without effect yet.',
  config: v.strictObject({}),
  create: () => ({}),
});
