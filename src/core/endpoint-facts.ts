import { type DataKey, dataKey, type DataType } from './data.ts';

/**
 * Producer half of the data keys of everything read from metrics pages, whatever the extractor's instance is called.
 * Source: contract 2.6 and 4.3.
 */
export const CORE_METRICS = 'core-metrics-extractor';

/** The key of a number or text about endpoints that comes from their metrics pages. */
export function metricsFact(name: string): DataKey<unknown> {
  const type: DataType<unknown> = { name, defaultProducer: CORE_METRICS };
  return dataKey(type);
}

export const WAITING_QUEUE_SIZE = metricsFact('WaitingQueueSize');
export const RUNNING_REQUESTS_SIZE = metricsFact('RunningRequestsSize');
export const KV_CACHE_USAGE = metricsFact('KVCacheUsagePercent');
export const ACTIVE_MODELS = metricsFact('ActiveModels');
export const WAITING_MODELS = metricsFact('WaitingModels');

/** The key of a number about endpoints by `producer`: from metrics pages when left out, by anybody when empty. */
export function attributeKey(name: string, producer: string = CORE_METRICS): DataKey<unknown> {
  return { type: { name, defaultProducer: producer }, producer };
}
