import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import type { KubernetesApi } from './api.ts';
import { ApiError } from './api-error.ts';
import { microTime } from './lease.ts';
import { groupPath } from './resource.ts';

const GROUP = 'events.k8s.io';
const CONTROLLER = 'llm-d.ai/pointsman';
/** The same thing is written once in so long, with how often it was said. */
const REPEAT_MS = 60_000;
/** So many different things at once, then one more each half minute. */
const BURST = 10;
const REFILL_MS = 30_000;
const MAX_KNOWN = 64;
const MAX_NOTE = 1_024;
const REQUEST_MS = 3_000;

/** What an event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Something users of an object should know. */
export interface Happening {
  /** In CamelCase, for machines: `NoReadyEndpoints`. */
  readonly reason: string;
  /** What was being done, in CamelCase. */
  readonly action: string;
  /** For people; cut after 1,024 characters. */
  readonly note: string;
}

export interface EventRecorderParts {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  readonly now: () => Date;
  /** Which replica tells. */
  readonly instance: string;
  readonly failed: (error: ApiError) => void;
}

interface Told {
  count: number;
  writtenMs: number;
}

/**
 * Writes warnings as Kubernetes Events (`events.k8s.io/v1`), with the rights `create` and `patch` alone. One thing has one
 * name, so replicas and restarts do not repeat each other: who finds it already there counts on. Nothing waits for a
 * write, and one that fails is told to `failed` and forgotten.
 */
export class EventRecorder {
  readonly #parts: EventRecorderParts;
  readonly #told = new LRUCache<string, Told>({ max: MAX_KNOWN });
  #tokens = BURST;
  #refilledMs: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: EventRecorderParts) {
    this.#parts = parts;
    this.#refilledMs = parts.clock.nowMs();
  }

  /** Says that something happened, or happened again. */
  tell(regarding: Regarding, happening: Happening): void {
    const nowMs = this.#parts.clock.nowMs();
    const name = nameOf(regarding, happening);
    const told = this.#told.get(name) ?? { count: 0, writtenMs: Number.NEGATIVE_INFINITY };
    this.#told.set(name, told);
    told.count++;
    if (nowMs - told.writtenMs < REPEAT_MS || !this.#mayWrite(nowMs)) return;
    told.writtenMs = nowMs;
    const write = (): Promise<void> => this.#write(name, regarding, happening, told);
    this.#writing = this.#writing.then(write);
  }

  /** Resolves when what was told is written, or has failed. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #mayWrite(nowMs: number): boolean {
    const more = Math.floor((nowMs - this.#refilledMs) / REFILL_MS);
    this.#tokens = Math.min(BURST, this.#tokens + more);
    this.#refilledMs += more * REFILL_MS;
    if (this.#tokens === 0) return false;
    this.#tokens--;
    return true;
  }

  async #write(name: string, regarding: Regarding, happening: Happening, told: Told): Promise<void> {
    const folder = `${groupPath(GROUP, 'v1')}/namespaces/${encodeURIComponent(regarding.namespace)}/events`;
    const body = this.#eventOf(name, regarding, happening);
    const { api, failed } = this.#parts;
    try {
      // A repetition is a patch; an event the API server has forgotten, which it does after an hour, is made anew.
      if (told.count > 1 && (await this.#countOn(folder, name, told))) return;
      const made = await unlessFault('conflict', () =>
        api.request({ method: 'POST', path: folder, body, timeoutMs: REQUEST_MS }),
      );
      if (made) return;
      told.count++;
      await this.#countOn(folder, name, told);
    } catch (error) {
      failed(error instanceof ApiError ? error : new ApiError('garbled', String(error)));
    }
  }

  /** False where there is no such event. */
  #countOn(folder: string, name: string, { count }: Told): Promise<boolean> {
    const series = { count, lastObservedTime: microTime(this.#parts.now()) };
    return unlessFault('absent', () =>
      this.#parts.api.request({
        method: 'PATCH',
        path: `${folder}/${name}`,
        contentType: 'application/merge-patch+json',
        body: { series },
        timeoutMs: REQUEST_MS,
      }),
    );
  }

  #eventOf(name: string, regarding: Regarding, { reason, action, note }: Happening): object {
    const { instance, now } = this.#parts;
    return {
      apiVersion: `${GROUP}/v1`,
      kind: 'Event',
      metadata: { name, namespace: regarding.namespace },
      eventTime: microTime(now()),
      reportingController: CONTROLLER,
      reportingInstance: instance.slice(0, 128),
      type: 'Warning',
      reason,
      action,
      note: note.length > MAX_NOTE ? `${note.slice(0, MAX_NOTE - 3)}...` : note,
      regarding,
    };
  }
}

/** The object's name with a digest of what is said about it. */
function nameOf({ name, uid }: Regarding, { reason, note }: Happening): string {
  const digest = createHash('sha256').update(JSON.stringify([uid, reason, note]));
  return `${name}.${digest.digest('hex').slice(0, 16)}`;
}

/** Whether `request` succeeded; false when it failed with `fault`. Rejects when it failed with another. */
async function unlessFault(fault: ApiError['fault'], request: () => Promise<unknown>): Promise<boolean> {
  try {
    await request();
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.fault === fault) return false;
    throw error;
  }
}
