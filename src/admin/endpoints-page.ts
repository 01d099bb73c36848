import type { HealthState } from '../core/health.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { HealthBook } from '../datastore/health-book.ts';
import type { MetricsTrust } from '../datastore/metrics-trust.ts';

/** One endpoint as `/debug/endpoints` shows it; null is unknown. */
export interface EndpointState {
  readonly endpoint: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly waiting: number | null;
  readonly running: number | null;
  readonly kvUsage: number | null;
  readonly metricsAgeMs: number | null;
  /** How far waiting, running and kvUsage count in decisions: 1 in full, 0 not at all. */
  readonly metricsTrust: number;
  /** They stand still though they should not. */
  readonly metricsFrozen: boolean;
  /** Requests we sent that have not ended. */
  readonly inflight: number;
  /** Picks no scrape can have shown yet. */
  readonly unseen: number;
  readonly health: HealthState;
  /** Errors in a row. */
  readonly errors: number;
  /** Until it may be probed; null when it is not ejected, or for as long as it cannot be reached. */
  readonly ejectedForMs: number | null;
  /** Of its usual chance to be a candidate; below 1 in a slow start. */
  readonly share: number;
}

/** Where what the picker knows of the pool stands. */
export interface PoolBooks {
  readonly table: EndpointTable;
  readonly health: HealthBook;
  readonly trust: MetricsTrust;
}

/** The pool as the picker sees it at `nowMs`. */
export function endpointStates({ table: pool, health, trust }: PoolBooks, nowMs: number): EndpointState[] {
  const { signals, books } = pool;
  const states: EndpointState[] = [];
  const unseen = new Float64Array(pool.all.length);
  pool.readUnseen(pool.all, unseen);
  for (const [index, slot] of pool.all.entries()) {
    const endpoint = pool.at(slot);
    if (endpoint === undefined) continue;
    const { state, errorsInRow, ejectedUntilMs, share } = health.reportOf(slot);
    states.push({
      endpoint: endpoint.id,
      address: endpoint.hostPort,
      labels: endpoint.labels,
      waiting: known(signals.waiting[slot]),
      running: known(signals.running[slot]),
      kvUsage: known(signals.kvUsage[slot]),
      metricsAgeMs: known(Math.round(nowMs - signals.scrapedAtMs[slot])),
      metricsTrust: hundredths(pool.trust[slot]),
      metricsFrozen: trust.isFrozen(slot),
      inflight: books.inflight(slot),
      unseen: hundredths(unseen[index]),
      health: state,
      errors: errorsInRow,
      ejectedForMs: known(Math.max(0, Math.round(ejectedUntilMs - nowMs))),
      share: hundredths(share),
    });
  }
  return states;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
