import { type Rejection, reject } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';
import type { Rejected } from '../request/exchange.ts';
import type { RequestHeadReader } from '../request/request-head.ts';

/** What the process takes on at once. */
export interface CapacityLimits {
  /** Open ext_proc streams: one a request, from its headers to the end of its answer. */
  readonly maxStreams: number;
  /** Bytes of request bodies held for a decision, or not yet taken back by the proxy. */
  readonly maxHeldBodyBytes: number;
}

/** What there was too much of. */
export type CapacityLimit = 'streams' | 'held_body_bytes';

/** Hears of every request refused for want of room; `sheddable` ones would have had it with more priority. */
export type RefusalListener = (limit: CapacityLimit, sheddable: boolean) => void;

/**
 * Share of a limit from which requests of negative priority are refused: what is left is for the others, so that a wave
 * of background work meets its limit before it costs anybody else a request.
 */
const SHEDDABLE_SHARE = 0.8;
/** Up to this share of the limit a stream is told why it is refused; beyond, it only ends. */
const ANSWERED_SHARE = 1.25;
/** Answers take seconds; whoever was refused may try again soon, at another replica maybe. */
const RETRY_AFTER_SECONDS = 1;

const REFUSALS: Readonly<Record<CapacityLimit, Rejection>> = {
  streams: full('too many requests are under way in the endpoint picker'),
  held_body_bytes: full('the endpoint picker has no memory for further request bodies'),
};

const UNLIMITED: CapacityLimits = { maxStreams: Infinity, maxHeldBodyBytes: Infinity };
const NO_READER: RequestHeadReader = { priorityOf: () => 0, dialectOf: () => 'none' };

/**
 * Room for requests in the whole process. A request is refused before anything of it is read but its headers: the ones of
 * negative priority from four fifths of a limit on, the others at it. What was let in stays.
 */
export class Capacity {
  readonly limits: CapacityLimits;
  readonly #reader: RequestHeadReader;
  readonly #onRefusal: RefusalListener;
  #streams = 0;
  #heldBodyBytes = 0;

  constructor(
    limits: CapacityLimits = UNLIMITED,
    reader: RequestHeadReader = NO_READER,
    onRefusal: RefusalListener = () => {},
  ) {
    this.limits = limits;
    this.#reader = reader;
    this.#onRefusal = onRefusal;
  }

  get streams(): number {
    return this.#streams;
  }

  get heldBodyBytes(): number {
    return this.#heldBodyBytes;
  }

  /** Counts a stream until `streamEnded`; false, and nothing counted, when there are too many even to answer it. */
  streamStarted(): boolean {
    if (this.#streams >= Math.ceil(this.limits.maxStreams * ANSWERED_SHARE)) {
      this.#onRefusal('streams', false);
      return false;
    }
    this.#streams++;
    return true;
  }

  streamEnded(): void {
    this.#streams--;
  }

  /** Why a request whose stream was counted may not go on; undefined where it may. */
  refuseRequest(headers: Headers): Rejected | undefined {
    return this.#refuse('streams', this.#streams, this.limits.maxStreams, headers);
  }

  /** Counts bytes of a body until `releaseBody`, or says why they cannot be held and counts nothing. */
  holdBody(bytes: number, headers: Headers): Rejected | undefined {
    const wanted = this.#heldBodyBytes + bytes;
    const refused = this.#refuse('held_body_bytes', wanted, this.limits.maxHeldBodyBytes, headers);
    if (refused === undefined) this.#heldBodyBytes = wanted;
    return refused;
  }

  releaseBody(bytes: number): void {
    this.#heldBodyBytes -= bytes;
  }

  #refuse(limit: CapacityLimit, wanted: number, most: number, headers: Headers): Rejected | undefined {
    if (wanted <= most * SHEDDABLE_SHARE) return undefined;
    const sheddable = this.#reader.priorityOf(headers) < 0;
    if (wanted <= most && !sheddable) return undefined;
    this.#onRefusal(limit, sheddable);
    return { kind: 'rejected', rejection: REFUSALS[limit], dialect: this.#reader.dialectOf(headers) };
  }
}

function full(message: string): Rejection {
  return reject('ResourceExhausted', message, 'rejected-saturated', RETRY_AFTER_SECONDS);
}
