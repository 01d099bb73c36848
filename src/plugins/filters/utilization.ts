import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { inflightLoadKey } from '../../core/data.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';
import { narrow } from '../../scheduling/narrow.ts';

const METRICS = ['active-requests', 'running-requests', 'waiting-queue', 'kv-cache-utilization'] as const;

const condition = v.pipe(
  v.strictObject({
    metric: v.pipe(
      v.picklist(METRICS, `must be one of ${METRICS.join(', ')}`),
      v.description('What is compared: active-requests counts what was sent and has not ended, the rest is scraped.'),
    ),
    maxValue: v.pipe(
      v.number(),
      v.minValue(0, 'must not be negative'),
      v.description('The most an endpoint may have: requests, or a share of the KV cache.'),
    ),
  }),
  v.forward(
    v.check(
      ({ metric, maxValue }) => metric !== 'kv-cache-utilization' || maxValue <= 1,
      'must be at most 1 for kv-cache-utilization, which is a share',
    ),
    ['maxValue'],
  ),
);

const parameters = v.strictObject({
  conditions: v.pipe(
    v.array(condition),
    v.nonEmpty('must list a condition'),
    v.description('An endpoint is kept when it meets all.'),
  ),
  fallbackOnEmpty: v.optional(
    v.pipe(v.boolean(), v.description('Keep every endpoint when none meets the conditions.')),
    false,
  ),
  inFlightLoadProducerName: producerName('requests in flight, for active-requests'),
});

type Parameters = v.InferOutput<typeof parameters>;
type Metric = (typeof METRICS)[number];

/**
 * Keeps endpoints with every metric <= its maxValue. An unknown metric is over nothing, so it does not exclude.
 * Source: contract 3.3.
 */
export const utilizationFilter = definePlugin({
  kind: 'filter',
  type: 'utilization-filter',
  stability: 'alpha',
  summary: 'Keeps endpoints whose load is at most what is given.',
  config: parameters,
  consumes: (config) =>
    config.conditions.some(({ metric }) => metric === 'active-requests') ? [inflightLoadKey(config)] : [],
  create(config, context) {
    const conditions = config.conditions.map(({ metric, maxValue }) => meets(metric, maxValue, config, context));
    const meetsAll = (slot: number): boolean => {
      for (let i = 0; i < conditions.length; i++) if (!conditions[i](slot)) return false;
      return true;
    };
    return {
      filter(_request, candidates) {
        const left = narrow(candidates, meetsAll);
        return left.length === 0 && config.fallbackOnEmpty ? candidates : left;
      },
    };
  },
});

/** Whether the metric of a slot is not over `maxValue`; an unknown one is not. */
function meets(
  metric: Metric,
  maxValue: number,
  config: Parameters,
  context: PluginContext,
): (slot: number) => boolean {
  if (metric === 'active-requests') {
    const load = context.shared(inflightLoadKey(config));
    return (slot) => load.requestsBySlot[slot] <= maxValue;
  }
  const { endpoints } = context;
  const valueOf = {
    'running-requests': (slot: number) => endpoints.trustedRunning(slot),
    'waiting-queue': (slot: number) => endpoints.trustedWaiting(slot),
    'kv-cache-utilization': (slot: number) => endpoints.trustedKvUsage(slot),
  }[metric];
  return (slot) => !(valueOf(slot) > maxValue);
}
