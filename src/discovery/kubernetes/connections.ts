import type { Clock } from '../../core/clock.ts';
import type { ApiError, ApiFault } from '../../kubernetes/api-error.ts';
import type { DiscoveryLog } from '../source.ts';

/** Lines told of one outage; a server that fails in ever new words must not fill the log. */
const MAX_LINES = 20;

/** Who counts what becomes of the connections. `resource` is the plural name of a kind. */
export interface ConnectionObserver {
  failed(resource: string, fault: ApiFault): void;
  connected(resource: string, isConnected: boolean): void;
}

export interface ConnectionsParts {
  readonly clock: Clock;
  readonly log: DiscoveryLog;
  readonly observer: ConnectionObserver;
  /** What is kept while the server does not answer, for the log: `12 endpoints`. */
  readonly kept: () => string;
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
    this.#tell(problem, error.fault);
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
    if (this.#outages.delete(resource) && this.#outages.size === 0) this.#told.clear();
  }

  /** Each problem once an outage, however many kinds of objects have it and however often it is met. */
  #tell(problem: string, fault: ApiFault): void {
    if (this.#told.has(problem) || this.#told.size >= MAX_LINES) return;
    this.#told.add(problem);
    const { log, kept } = this.#parts;
    const line = `${problem}; the last known ${kept()} stay`;
    if (fault === 'forbidden' || fault === 'unauthorized' || fault === 'absent') log.error(line);
    else log.warn(line);
  }
}

function problemOf(doing: string, { fault, message }: ApiError): string {
  if (fault === 'forbidden') return `not allowed to ${doing}: ${message}`;
  if (fault === 'unauthorized') return `the API server does not know who we are: ${message}`;
  if (fault === 'absent') return `cannot ${doing}: the API server has no such kind, install its definition (CRD)`;
  if (fault === 'unreachable' || fault === 'timeout') return message;
  return `cannot ${doing}: ${message}`;
}
