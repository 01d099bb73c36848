import type { Timers } from '../core/timers.ts';
import type { DiscoveryState } from '../discovery/kubernetes/discovery.ts';
import type { Happening, Regarding } from '../kubernetes/events.ts';

/** A pool without endpoints for a moment is what a roll-out looks like. */
const GRACE_MS = 5_000;
/** The API server forgets events after an hour, and what lasts should not look as if it were over. */
const AGAIN_MS = 600_000;

/** An InferencePool, as flags name it. */
export interface PoolName {
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PoolEventsParts {
  readonly pool: PoolName;
  readonly timers: Timers;
  /** Must not throw, and nothing waits for it. */
  readonly tell: (regarding: Regarding, happening: Happening) => void;
}

interface Lasting {
  happening: Happening;
  cancel: () => void;
}

/** Tells those who look at the pool in Kubernetes what keeps it from being served. */
export class PoolEvents {
  readonly #parts: PoolEventsParts;
  readonly #lasting = new Map<string, Lasting>();
  #uid = '';

  constructor(parts: PoolEventsParts) {
    this.#parts = parts;
  }

  /** To be called when discovery has looked; `mismatch` is why parsers and pool do not fit. */
  look({ pool, unknown, endpoints }: DiscoveryState, mismatch: string | undefined): void {
    this.#uid = pool?.uid ?? '';
    const isEmpty = pool !== undefined && unknown === undefined && endpoints === 0;
    this.#keep(
      'NoReadyEndpoints',
      isEmpty ? "no pod the pool's selector matches is ready: every request is answered with 503" : undefined,
      { action: 'Discover', afterMs: GRACE_MS },
    );
    this.#keep('ProtocolMismatch', pool && mismatch, { action: 'CheckProtocol', afterMs: 0 });
  }

  /** A changed configuration was not taken; one line a problem. */
  refused(lines: readonly string[]): void {
    if (this.#uid !== '') this.#parts.tell(regarding(this.#parts.pool, this.#uid), refusal(lines, 'Reload'));
  }

  close(): void {
    for (const { cancel } of this.#lasting.values()) cancel();
    this.#lasting.clear();
  }

  #keep(
    reason: string,
    note: string | undefined,
    { action, afterMs }: { readonly action: string; readonly afterMs: number },
  ): void {
    const lasting = this.#lasting.get(reason);
    if (note === undefined) {
      lasting?.cancel();
      this.#lasting.delete(reason);
      return;
    }
    const happening = { reason, action, note };
    if (lasting !== undefined) {
      lasting.happening = happening;
      return;
    }
    const made: Lasting = { happening, cancel: () => undefined };
    const { pool, timers, tell } = this.#parts;
    const say = (): void => {
      tell(regarding(pool, this.#uid), made.happening);
      made.cancel = timers.after(AGAIN_MS, say);
    };
    this.#lasting.set(reason, made);
    if (afterMs === 0) say();
    else made.cancel = timers.after(afterMs, say);
  }
}

/** The pool as an event names it. */
export function regarding({ group, namespace, name }: PoolName, uid: string): Regarding {
  return { apiVersion: `${group}/v1`, kind: 'InferencePool', namespace, name, uid };
}

/** A configuration that is not taken. */
export function refusal(lines: readonly string[], action: 'Start' | 'Reload'): Happening {
  return { reason: 'ConfigurationRefused', action, note: lines.join('; ') };
}
