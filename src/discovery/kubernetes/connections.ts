import type { Clock } from '../../core/clock.ts';
import type { ApiError, ApiFault } from '../../kubernetes/api-error.ts';
import type { DiscoveryLog } from '../source.ts';

/** Lines told of one outage; a server that fails in ever new words must not fill the log. */
const MAX_LINES = 20;

/** Who counts what becomes of the connections. `resource` is the plural name of a kind. */
export interface ConnectionObserver {
  failed(resource: string, fault: ApiFault): void;
  connected(resource: string, isConnected: boolean): void;
  /** Nobody follows this kind any more. */
  forgot(resource: string): void;
}

export interface ConnectionsParts {
  readonly clock: Clock;
  readonly log: DiscoveryLog;
  readonly observer: ConnectionObserver;
  /** Kinds that endpoints are made of. */
  readonly vital: readonly string[];
  /** How many endpoints are kept while those are not followed. */
  readonly kept: () => number;
}

/** A kind of objects whose changes do not come. */
export interface Outage {
  readonly resource: string;
  readonly problem: string;
  readonly sinceMs: number;
}

/** Which kinds of objects the API server lets us follow now, and what to say when that changes. */
export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #outages = new Map<string, Outage>();
  readonly #told = new Set<string>();

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  /** What does not work now, longest first. */
  get outages(): readonly Outage[] {
    return [...this.#outages.values()];
  }

  outageOf(resource: string): Outage | undefined {
    return this.#outages.get(resource);
  }

  /** `doing` is for people: `list pods in namespace llm`. */
  failed(resource: string, doing: string, error: ApiError): void {
    const { clock, observer } = this.#parts;
    observer.failed(resource, error.fault);
    // Only the place in history is lost; a list follows.
    if (error.fault === 'expired') return;
    observer.connected(resource, false);
    const sinceMs = this.#outages.get(resource)?.sinceMs ?? clock.nowMs();
    const problem = problemOf(doing, error);
    this.#outages.set(resource, { resource, problem, sinceMs });
    this.#tell(resource, problem, error.fault);
  }

  connected(resource: string): void {
    this.#parts.observer.connected(resource, true);
    const outage = this.#outages.get(resource);
    if (outage === undefined) return;
    this.#outages.delete(resource);
    if (this.#outages.size > 0) return;
    this.#told.clear();
    const seconds = ((this.#parts.clock.nowMs() - outage.sinceMs) / 1000).toFixed(1);
    this.#parts.log.info(`the API server answers again after ${seconds} s`);
  }

  /** Nobody follows this kind any more. */
  forget(resource: string): void {
    this.#parts.observer.forgot(resource);
    if (this.#outages.delete(resource) && this.#outages.size === 0) this.#told.clear();
  }

  /** Each problem once an outage, however many kinds of objects have it and however often it is met. */
  #tell(resource: string, problem: string, fault: ApiFault): void {
    if (this.#told.has(problem) || this.#told.size >= MAX_LINES) return;
    this.#told.add(problem);
    const { log, kept, vital } = this.#parts;
    const concernsAll = fault !== 'forbidden' && fault !== 'absent';
    const endpoints = concernsAll || vital.includes(resource) ? kept() : 0;
    const line = endpoints === 0 ? problem : `${problem}; the last known ${endpoints} endpoints stay`;
    if (concernsAll && fault !== 'unauthorized') log.warn(line);
    else log.error(line);
  }
}

/** What went wrong, for people, with the permission that is missing if that is it. */
export function problemOf(doing: string, { fault, message }: ApiError): string {
  if (fault === 'forbidden') return `not allowed to ${doing}: ${message}`;
  if (fault === 'unauthorized') return `the API server does not know who we are: ${message}`;
  if (fault === 'absent') return `cannot ${doing}: the API server has no such kind, install its definition (CRD)`;
  if (fault === 'unreachable' || fault === 'timeout') return message;
  return `cannot ${doing}: ${message}`;
}
