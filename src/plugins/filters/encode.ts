import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import { keepByValue, ROLE } from './labels.ts';

const ENCODES = ['encode', 'encode-prefill', 'encode-prefill-decode'];

/** Keeps endpoints whose `llm-d.ai/role` includes encoding; the label is required. Source: contract 3.3. */
export const encodeFilter = definePlugin({
  kind: 'filter',
  type: 'encode-filter',
  metricType: 'by-label',
  stability: 'beta',
  summary: 'Keeps endpoints whose labels say that they encode.',
  config: v.strictObject({}),
  create: (_config, { endpoints }) => keepByValue(endpoints, ROLE, ENCODES, false),
});
