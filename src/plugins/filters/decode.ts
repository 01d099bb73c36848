import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import { keepByValue, ROLE } from './labels.ts';

const DECODES = ['decode', 'prefill-decode', 'both', 'encode-prefill-decode'];

/** Keeps endpoints whose `llm-d.ai/role` includes decoding, and those without a role. Source: contract 3.3. */
export const decodeFilter = definePlugin({
  kind: 'filter',
  type: 'decode-filter',
  metricType: 'by-label',
  stability: 'beta',
  summary: 'Keeps endpoints that decode, and those whose labels name no role.',
  config: v.strictObject({}),
  create: (_config, { endpoints }) => keepByValue(endpoints, ROLE, DECODES, true),
});
