import type { EndpointView } from '../core/endpoint.ts';
import type { HealthState } from '../core/health.ts';
import type { Attributes } from '../datastore/attributes.ts';
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
  /** LoRA adapters, models and custom attributes; left out where the server tells of none. */
  readonly lora?: {
    readonly active: readonly string[];
    readonly waiting: readonly string[];
    readonly maxActive: number | null;
  };
  readonly models?: readonly string[];
  readonly attributes?: Readonly<Record<string, number | null>>;
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
  pool: EndpointView & { readonly books: LoadBooks; readonly attributes: Attributes },
  health: HealthBook,
  nowMs: number,
): EndpointState[] {
  const { signals, books } = pool;
  const states: EndpointState[] = [];
  for (const slot of pool.all) {
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
      ...told(pool, slot),
      inflight: books.inflight(slot),
      unseen: pool.unseen(slot),
      health: state,
      errors: errorsInRow,
      ejectedForMs: known(Math.max(0, Math.round(ejectedUntilMs - nowMs))),
      share: Math.round(share * 100) / 100,
    });
  }
  return states;
}

function told(
  pool: EndpointView & { readonly attributes: Attributes },
  slot: number,
): Pick<EndpointState, 'lora' | 'models' | 'attributes'> {
  const lora = pool.lora(slot);
  const models = pool.models(slot);
  const attributes = pool.attributes.held.map(({ key, column }) => [key, known(column[slot])] as const);
  return {
    ...(lora && { lora: { active: [...lora.active], waiting: [...lora.waiting], maxActive: known(lora.maxActive) } }),
    ...(models && { models: [...models] }),
    ...(attributes.length > 0 && { attributes: Object.fromEntries(attributes) }),
  };
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
