import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

/**
 * Endpoints that come and go, for the extractors listed with it (contract 4.2). Every plugin here hears of them anyway,
 * so that listing one has no further effect.
 */
export const endpointNotificationSource = definePlugin({
  kind: 'source',
  type: 'endpoint-notification-source',
  stability: 'beta',
  summary: 'Tells of endpoints that come and go; every plugin that cares hears of them without it.',
  config: v.object({}),
  payload: 'endpoint-events',
  create: () => ({}),
});
