import type { Candidates, Endpoint, EndpointSignals } from '../core/endpoint.ts';
import { MAX_ENDPOINTS } from './columns.ts';

/**
 * A server that queues nothing is taken to have room for this many more requests at once. Up to here an unseen pick
 * counts as running, beyond it as waiting: one pick must not outweigh a cached prefix, a burst must.
 */
const FREE_SEATS = 4;

/** One request's entry in the books. Belongs to the stream, not to any id a client could repeat. */
export interface Reservation {
  readonly slot: number;
  readonly generation: number;
  /** `scrapes` of the slot when the pick was made. */
  readonly epoch: number;
  released: boolean;
}

/**
 * What we ourselves sent and the scrapes cannot show yet. Scrapes of one endpoint never overlap, so of a pick made
 * after scrape n, scrape n+1 may have started too early to see it and n+2 is the first that can be asked for it. Picks
 * are thus kept in two counts per slot, since the last scrape and since the one before; older ones are the server's to
 * report. But an engine brings its gauges up to date at the end of a step, and a step over long prompts outlasts many
 * scrapes: of what we know to be in flight, whatever the server does not report counts as well.
 *
 * Scraped numbers count as far as they are trusted. What trust takes away, the requests in flight take the place of: of
 * load that nobody can read, what we sent is what is known.
 */
export class LoadBooks {
  readonly #signals: EndpointSignals;
  /** By slot, 0 to 1. */
  readonly #trust: Float64Array;
  readonly #generation = new Uint32Array(MAX_ENDPOINTS);
  readonly #inflight = new Uint32Array(MAX_ENDPOINTS);
  readonly #epoch = new Uint32Array(MAX_ENDPOINTS);
  readonly #sinceLast = new Uint32Array(MAX_ENDPOINTS);
  readonly #sinceBefore = new Uint32Array(MAX_ENDPOINTS);
  #total = 0;

  constructor(signals: EndpointSignals, trust: Float64Array) {
    this.#signals = signals;
    this.#trust = trust;
  }

  /** Requests sent and not ended, over all endpoints, removed ones included. */
  get total(): number {
    return this.#total;
  }

  /** Requests sent to the slot's tenant and not ended. */
  inflight(slot: number): number {
    return this.#inflight[slot];
  }

  /** See `EndpointView`. */
  readUnseen(slots: Candidates, out: Float64Array): void {
    const { scrapes, waiting, running } = this.#signals;
    const trust = this.#trust;
    const epoch = this.#epoch;
    const inflight = this.#inflight;
    const sinceLast = this.#sinceLast;
    const sinceBefore = this.#sinceBefore;
    const { length } = slots;
    for (let i = 0; i < length; i++) {
      const slot = slots[i];
      if (scrapes[slot] !== epoch[slot]) this.#roll(slot);
      const recent = sinceLast[slot] + sinceBefore[slot];
      // NaN, and so nothing, where the server does not report both.
      const hidden = inflight[slot] - trust[slot] * (waiting[slot] + running[slot]);
      out[i] = hidden > recent ? hidden : recent;
    }
  }

  readWaiting(slots: Candidates, out: Float64Array): void {
    this.readUnseen(slots, out);
    const { waiting } = this.#signals;
    const trust = this.#trust;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      const queued = trust[slot] * waiting[slot];
      const unseen = out[i];
      out[i] = queued + (queued > 0 ? unseen : Math.max(0, unseen - FREE_SEATS));
    }
  }

  readRunning(slots: Candidates, out: Float64Array): void {
    this.readUnseen(slots, out);
    const { running } = this.#signals;
    const trust = this.#trust;
    for (let i = 0; i < slots.length; i++) out[i] += trust[slots[i]] * running[slots[i]];
  }

  /** Books one request; the caller releases it exactly once, when its stream ends. */
  reserve(endpoint: Endpoint): Reservation {
    const { slot, generation } = endpoint;
    this.#total++;
    if (this.#generation[slot] === generation) {
      this.#roll(slot);
      this.#inflight[slot]++;
      this.#sinceLast[slot]++;
    }
    return { slot, generation, epoch: this.#epoch[slot], released: false };
  }

  /** Ends a reservation. A second call does nothing, and so does the first once the endpoint has left its slot. */
  release(reservation: Reservation): void {
    if (reservation.released) return;
    reservation.released = true;
    this.#total--;
    const { slot, generation, epoch } = reservation;
    if (this.#generation[slot] !== generation) return;
    this.#inflight[slot]--;
    this.#roll(slot);
    if (epoch === this.#epoch[slot]) this.#sinceLast[slot]--;
    else if ((epoch + 1) >>> 0 === this.#epoch[slot]) this.#sinceBefore[slot]--;
  }

  /** Gives the slot to a new tenant with empty books. */
  clear(slot: number, generation: number): void {
    this.#generation[slot] = generation;
    this.#inflight[slot] = 0;
    this.#epoch[slot] = 0;
    this.#sinceLast[slot] = 0;
    this.#sinceBefore[slot] = 0;
  }

  #roll(slot: number): void {
    const now = this.#signals.scrapes[slot];
    const behind = (now - this.#epoch[slot]) >>> 0;
    if (behind === 0) return;
    this.#sinceBefore[slot] = behind === 1 ? this.#sinceLast[slot] : 0;
    this.#sinceLast[slot] = 0;
    this.#epoch[slot] = now;
  }
}
