import type { HealthSettings } from '../core/health.ts';
import type { TrustSettings } from '../core/metrics-trust.ts';
import type { Random } from '../core/random.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { HealthBook } from '../datastore/health-book.ts';
import { MetricsTrust } from '../datastore/metrics-trust.ts';
import { healthReporter } from '../telemetry/health-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { trustReporter } from '../telemetry/trust-metrics.ts';
import { systemClock } from './clock.ts';

/** The endpoints, how they do, and how far what they tell is trusted. */
export interface PickerPool {
  readonly table: EndpointTable;
  readonly health: HealthBook;
  readonly trust: MetricsTrust;
  /** The first load is over: endpoints that come from now on are new, and begin slowly. */
  filled(): void;
}

/** What a pool is judged by. */
export interface PoolSettings {
  readonly health: HealthSettings;
  readonly metricsTrust: TrustSettings;
  readonly metricsStalenessThresholdMs: number;
}

/** An empty pool whose health and trust follow its membership. */
export function createPool(settings: PoolSettings, random: Random, metrics: Metrics, log: Logger): PickerPool {
  const table = new EndpointTable(allocateColumns());
  const health = new HealthBook({
    endpoints: table,
    clock: systemClock,
    random,
    settings: settings.health,
    onChange: healthReporter(metrics, log),
  });
  const trust = new MetricsTrust({
    endpoints: table,
    clock: systemClock,
    random,
    settings: settings.metricsTrust,
    staleAfterMs: settings.metricsStalenessThresholdMs,
    lastAliveMs: (slot) => health.lastAliveMs(slot),
    onChange: trustReporter(log),
    onTry: () => metrics.counter('metrics_trials_total').inc(),
  });
  metrics.onRead('frozen_metrics_endpoints', (gauge) => gauge.set(trust.frozen));
  let warm = true;
  table.listen({
    added: (endpoint) => health.added(endpoint, warm),
    removed(endpoint) {
      health.removed(endpoint);
      trust.removed(endpoint.slot);
    },
  });
  return {
    table,
    health,
    trust,
    filled() {
      warm = false;
    },
  };
}
