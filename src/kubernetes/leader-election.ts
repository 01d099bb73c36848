import { ApiError } from './api-error.ts';
import { type Lease, type LeaseSpec, LeaseStore, microTime } from './lease.ts';
import type { KubernetesApi } from './api.ts';
import type { Timing } from './timing.ts';

/** The timings and the jitter of client-go's elections, which every other holder of a Lease follows too. */
const LEASE_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;
const RETRY_JITTER = 1.2;
/** A free lease is tried for this soon after, each at a moment of its own. */
const TAKE_JITTER_MS = 500;
/** One request; after two of them that time out there is still time for a third. */
const REQUEST_MS = 5_000;
const RELEASE_MS = 2_000;
/** How soon one that could not lead looks whether it can; nothing is asked of the API server meanwhile. */
const UNFIT_MS = 250;

/** What an election was doing when a request failed; also the verb a role must allow. */
export type LeaseVerb = 'get' | 'create' | 'update';

export interface ElectionObserver {
  /** Who leads has changed, or whether that is this one. */
  changed(): void;
  failed(error: ApiError, verb: LeaseVerb): void;
  /** A request succeeded. */
  answered(): void;
}

export interface LeaderElectionParts {
  readonly api: KubernetesApi;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly lease: string;
  /** This one's name in the Lease; no two processes ever have the same. */
  readonly identity: string;
  readonly timing: Timing;
  /** What time it is, for people who read the Lease; nothing is decided by it. */
  readonly now: () => Date;
  /** Whether this one could do the work. One that leads already goes on, whatever this says. */
  readonly isFit: () => boolean;
  readonly observer: ElectionObserver;
}

/**
 * Chooses one of several processes by a Lease, polled: get, create and update are all the rights it takes. As with
 * client-go, whose holder this is a match for, nobody compares clocks of two machines: a lease is free once its holder has
 * written nothing for the lease's duration of the observer's own time. The holder counts from the moment it sent the
 * write, which is before anybody can have seen it, so it has stopped leading when the first other may begin.
 */
export class LeaderElection {
  readonly #parts: LeaderElectionParts;
  readonly #store: LeaseStore;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** The lease as this one wrote it last, while nothing speaks against it. */
  #own: Lease | undefined;
  /** A write of this one may be what the lease holds. */
  #mayHold = false;
  #leadsUntilMs = Number.NEGATIVE_INFINITY;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #record = '';
  #freeAtMs = Number.NEGATIVE_INFINITY;
  #holder = '';
  #told = '';

  constructor(parts: LeaderElectionParts) {
    this.#parts = parts;
    this.#store = new LeaseStore(parts.api, parts.namespace, parts.lease);
  }

  /** Decided anew at each look: a process that slept knows at once that its time is over. */
  get isLeader(): boolean {
    return this.#nowMs() < this.#leadsUntilMs;
  }

  /** Who holds the lease as far as this one knows; empty for nobody. */
  get holder(): string {
    return this.#holder;
  }

  /** The lease was not renewed for so long that somebody should look; it is still this one's. */
  get isOverdue(): boolean {
    return this.isLeader && this.#nowMs() - this.#renewedMs >= RENEW_DEADLINE_MS;
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** Ends the candidacy and gives the lease back, so that another need not wait for its end. Never rejects. */
  async release(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#leadsUntilMs = Number.NEGATIVE_INFINITY;
    try {
      if (this.#mayHold) await this.#giveBack();
      this.#mayHold = false;
    } catch (error) {
      this.#parts.observer.failed(asApiError(error), 'update');
    }
    this.#note();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { timing, isFit } = this.#parts;
    while (!signal.aborted) {
      this.#note();
      if (!this.isLeader && !isFit()) {
        await timing.wait(UNFIT_MS, signal);
        continue;
      }
      await this.#try();
      this.#note();
      await timing.wait(this.#pauseMs(), signal);
    }
  }

  /** Holds the lease, or sees who does. */
  async #try(): Promise<void> {
    const { observer } = this.#parts;
    let verb: LeaseVerb = 'update';
    try {
      if (this.#own === undefined || !(await this.#renewed(this.#own))) {
        verb = 'get';
        const found = await this.#store.read(this.#requestMs());
        if (found !== undefined) this.#observe(found);
        verb = found === undefined ? 'create' : 'update';
        if (found === undefined || this.#isFree(found)) await this.#hold(found);
      }
      observer.answered();
    } catch (error) {
      // Somebody was faster; who, the next look tells.
      if (faultOf(error) === 'conflict') observer.answered();
      else observer.failed(asApiError(error), verb);
    }
  }

  /** The short way while nobody else wrote: one request, without a look before it. */
  async #renewed(own: Lease): Promise<boolean> {
    try {
      await this.#hold(own);
      return true;
    } catch (error) {
      const fault = faultOf(error);
      if (fault !== 'conflict' && fault !== 'absent') throw error;
      this.#own = undefined;
      return false;
    }
  }

  async #hold(seen: Lease | undefined): Promise<void> {
    const { identity } = this.#parts;
    const sentMs = this.#nowMs();
    const now = this.#now();
    const isRenewal = seen?.holder === identity;
    const content: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_MS / 1000,
      acquireTime: (isRenewal ? seen.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: seen === undefined ? 0 : seen.transitions + (isRenewal ? 0 : 1),
    };
    this.#mayHold = true;
    const timeoutMs = this.#requestMs();
    this.#own = await (seen === undefined
      ? this.#store.create(content, timeoutMs)
      : this.#store.replace(seen, content, timeoutMs));
    this.#observe(this.#own);
    this.#renewedMs = sentMs;
    this.#leadsUntilMs = sentMs + LEASE_MS;
  }

  #observe(lease: Lease): void {
    const nowMs = this.#nowMs();
    if (lease.record !== this.#record) {
      this.#record = lease.record;
      this.#freeAtMs = nowMs + lease.durationMs;
    }
    this.#holder = lease.holder;
    if (lease.holder === this.#parts.identity) return;
    this.#own = undefined;
    this.#mayHold = false;
    this.#leadsUntilMs = Number.NEGATIVE_INFINITY;
  }

  #isFree({ holder }: Lease): boolean {
    return holder === '' || holder === this.#parts.identity || this.#nowMs() >= this.#freeAtMs;
  }

  async #giveBack(): Promise<void> {
    const found = await this.#store.read(RELEASE_MS);
    if (found !== undefined) this.#observe(found);
    if (found?.holder !== this.#parts.identity) return;
    const now = this.#now();
    const transitions = found.transitions;
    const content = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    await this.#store.replace(found, { ...content, leaseTransitions: transitions }, RELEASE_MS);
    this.#holder = '';
  }

  #pauseMs(): number {
    const { random } = this.#parts.timing;
    const leftMs = this.#leadsUntilMs - this.#nowMs();
    if (leftMs > 0) return Math.min(RETRY_MS, leftMs);
    const retryMs = RETRY_MS * (1 + RETRY_JITTER * random.next());
    const freeInMs = this.#freeAtMs - this.#nowMs();
    return freeInMs > 0 ? Math.min(retryMs, freeInMs + TAKE_JITTER_MS * random.next()) : retryMs;
  }

  /** No request of a leader outlives its time, so that its end is noticed when it comes. */
  #requestMs(): number {
    const leftMs = this.#leadsUntilMs - this.#nowMs();
    return leftMs > 0 ? Math.min(REQUEST_MS, Math.ceil(leftMs)) : REQUEST_MS;
  }

  #note(): void {
    const said = `${this.isLeader} ${this.isOverdue} ${this.#holder}`;
    if (said === this.#told) return;
    this.#told = said;
    this.#parts.observer.changed();
  }

  #nowMs(): number {
    return this.#parts.timing.clock.nowMs();
  }

  #now(): string {
    return microTime(this.#parts.now());
  }
}

function faultOf(error: unknown): string | undefined {
  return error instanceof ApiError ? error.fault : undefined;
}

function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('garbled', `cannot be read: ${String(error)}`);
}
