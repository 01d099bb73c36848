import type { EndpointView } from '../core/endpoint.ts';
import type { HealthState } from '../core/health.ts';
import type { HealthBook } from '../datastore/health-book.ts';
import type { LoadBooks } from '../datastore/load-books.ts';

/** One endpoint as `/debug/endpoints` shows it; null is unknown. */
export interface EndpointState {
  readonly endpoint: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly waiting: number | null;
  readonly running: number | null;
  readonly kvUsage: number | null;
  readonly metricsAgeMs: number | null;
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

/** The pool as the picker sees it at `nowMs`. */
export function endpointStates(
  pool: EndpointView & { readonly books: LoadBooks },
  health: HealthBook,
  nowMs: number,
): EndpointState[] {
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
      inflight: books.inflight(slot),
      unseen: unseen[index],
      health: state,
      errors: errorsInRow,
      ejectedForMs: known(Math.max(0, Math.round(ejectedUntilMs - nowMs))),
      share: Math.round(share * 100) / 100,
    });
  }
  return states;
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
