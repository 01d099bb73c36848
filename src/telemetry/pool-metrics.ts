import type { Clock } from '../core/clock.ts';
import type { EndpointView } from '../core/endpoint.ts';
import { HEALTH_STATES, type HealthState } from '../core/health.ts';
import type { HealthBook } from '../datastore/health-book.ts';
import { spreadOf } from './spread.ts';
import type { Metrics } from './metrics.ts';

/** What the pool gauges are computed from. */
export interface PoolMetricsOptions {
  /** The `name` label. */
  readonly poolName: string;
  /** Endpoints whose last good scrape is older than this take no part in averages. */
  readonly stalenessThresholdMs: number;
}

/**
 * Feeds the pool families. `refresh` is called on the contract's period; an empty pool has no averages, so its gauges
 * go away instead of keeping the last pool's values.
 */
export class PoolMetrics {
  readonly #metrics: Metrics;
  readonly #endpoints: EndpointView;
  readonly #health: HealthBook;
  readonly #clock: Clock;
  readonly #options: PoolMetricsOptions;

  constructor(
    metrics: Metrics,
    endpoints: EndpointView,
    health: HealthBook,
    clock: Clock,
    options: PoolMetricsOptions,
  ) {
    this.#metrics = metrics;
    this.#endpoints = endpoints;
    this.#health = health;
    this.#clock = clock;
    this.#options = options;
  }

  refresh(): void {
    const { all, signals } = this.#endpoints;
    const oldest = this.#clock.nowMs() - this.#options.stalenessThresholdMs;
    const fresh = all.filter((slot) => signals.scrapedAtMs[slot] >= oldest);
    const name = this.#options.poolName;
    this.#metrics.gauge('ready_endpoints').set({ name }, all.length);
    this.#fill('kv_cache_utilization', signals.kvUsage, fresh);
    this.#fill('queue_size', signals.waiting, fresh);
    this.#fill('running_requests', signals.running, fresh);
    this.#queuePerEndpoint();
    this.#countStates();
  }

  #countStates(): void {
    const counts = new Map<HealthState, number>(HEALTH_STATES.map((state) => [state, 0]));
    for (const slot of this.#endpoints.all) {
      const state = this.#health.stateOf(slot);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    const name = this.#options.poolName;
    for (const [state, count] of counts) this.#metrics.gauge('endpoints_by_health').set({ name, state }, count);
  }

  #fill(
    what: 'kv_cache_utilization' | 'queue_size' | 'running_requests',
    column: Float64Array,
    slots: Uint32Array,
  ): void {
    const name = this.#options.poolName;
    const average = this.#metrics.gauge(`average_${what}`);
    const deviation = this.#metrics.gauge(`std_dev_${what}`);
    const spread = spreadOf(column, slots);
    if (spread === undefined) {
      average.remove({ name });
      deviation.remove({ name });
    } else {
      average.set({ name }, spread.mean);
      deviation.set({ name }, spread.deviation);
    }
  }

  #queuePerEndpoint(): void {
    const gauge = this.#metrics.gauge('per_endpoint_queue_size');
    const { all, signals } = this.#endpoints;
    gauge.reset();
    for (const slot of all) {
      const waiting = signals.waiting[slot];
      const endpoint = this.#endpoints.at(slot);
      if (endpoint === undefined || Number.isNaN(waiting)) continue;
      gauge.set({ name: this.#options.poolName, model_server_endpoint: endpoint.name }, waiting);
    }
  }
}
