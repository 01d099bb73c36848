import type { HealthSettings } from '../core/health.ts';
import type { Random } from '../core/random.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { HealthBook } from '../datastore/health-book.ts';
import { healthReporter } from '../telemetry/health-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { systemClock } from './clock.ts';

/** The endpoints and how they do. */
export interface PickerPool {
  readonly table: EndpointTable;
  readonly health: HealthBook;
  /** The first load is over: endpoints that come from now on are new, and begin slowly. */
  filled(): void;
}

/** An empty pool whose health follows its membership. */
export function createPool(settings: HealthSettings, random: Random, metrics: Metrics, log: Logger): PickerPool {
  const table = new EndpointTable(allocateColumns());
  const health = new HealthBook({
    endpoints: table,
    clock: systemClock,
    random,
    settings,
    onChange: healthReporter(metrics, log),
  });
  let warm = true;
  table.listen({
    added: (endpoint) => health.added(endpoint, warm),
    removed: (endpoint) => health.removed(endpoint),
  });
  return {
    table,
    health,
    filled() {
      warm = false;
    },
  };
}
