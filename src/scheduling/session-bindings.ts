import { hash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

/** A longer id is known by its digest, so that clients cannot fill the memory with a few long ones. */
const MAX_ID_LENGTH = 128;
/** Expired bindings dropped with each new one: more than come in, and too few to be felt. */
const SWEPT_AT_ONCE = 8;

export interface BindingLimits {
  /** How long an unused binding lasts. */
  readonly ttlMs: number;
  /** Bindings kept; the one unused for longest makes way for a new one. */
  readonly maxSessions: number;
}

interface Binding {
  readonly key: string;
  endpointId: string;
  usedMs: number;
}

/**
 * Which endpoint serves which session. Endpoints are known by their id, so a binding outlives an endpoint that leaves
 * and comes back, in whatever slot. The map is in the order of last use: what has expired is at its front.
 */
export class SessionBindings {
  readonly #clock: Clock;
  readonly #limits: BindingLimits;
  readonly #bindings = new Map<string, Binding>();

  constructor(clock: Clock, limits: BindingLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Bindings in memory; those that have expired are dropped bit by bit. */
  get size(): number {
    return this.#bindings.size;
  }

  /** Id of the endpoint a session is bound to; undefined when it is bound to none, or was too long ago. */
  endpointOf(session: string): string | undefined {
    const binding = this.#bindings.get(keyOf(session));
    return binding === undefined || this.#expired(binding) ? undefined : binding.endpointId;
  }

  /**
   * Notes that a session was sent to an endpoint: binds it if it is not bound, and keeps the binding fresh if it is
   * bound there. One bound elsewhere stays as it is, unless `mayMove`.
   */
  note(session: string, endpointId: string, mayMove: boolean): void {
    const key = keyOf(session);
    const known = this.#bindings.get(key);
    if (known !== undefined && known.endpointId !== endpointId && !mayMove && !this.#expired(known)) return;
    const usedMs = this.#clock.nowMs();
    if (known === undefined) {
      this.#makeRoom();
      // The id may be part of a longer text, say a cookie header, which would be kept alive with it.
      const own = Buffer.from(key).toString();
      this.#bindings.set(own, { key: own, endpointId, usedMs });
    } else {
      known.endpointId = endpointId;
      known.usedMs = usedMs;
      this.#bindings.delete(key);
      this.#bindings.set(known.key, known);
    }
  }

  #makeRoom(): void {
    let left = SWEPT_AT_ONCE;
    for (const binding of this.#bindings.values()) {
      const full = this.#bindings.size >= this.#limits.maxSessions;
      if (left-- === 0 || (!full && !this.#expired(binding))) return;
      this.#bindings.delete(binding.key);
    }
  }

  #expired({ usedMs }: Binding): boolean {
    return this.#clock.nowMs() - usedMs > this.#limits.ttlMs;
  }
}

/** What a session is known by. The blank keeps digests apart from ids, which have none at their start. */
function keyOf(session: string): string {
  return session.length <= MAX_ID_LENGTH ? session : ` ${hash('sha256', session, 'base64')}`;
}
