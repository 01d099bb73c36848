import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import { keepByValue, ROLE } from './labels.ts';

const PREFILLS = ['prefill', 'encode-prefill', 'prefill-decode', 'both', 'encode-prefill-decode'];

/** Keeps endpoints whose `llm-d.ai/role` includes prefill; the label is required. Source: contract 3.3. */
export const prefillFilter = definePlugin({
  kind: 'filter',
  type: 'prefill-filter',
  metricType: 'by-label',
  stability: 'beta',
  summary: 'Keeps endpoints whose labels say that they prefill.',
  config: v.strictObject({}),
  create: (_config, { endpoints }) => keepByValue(endpoints, ROLE, PREFILLS, false),
});
