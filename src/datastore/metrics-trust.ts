import type { Clock } from '../core/clock.ts';
import type { Candidates, Endpoint, EndpointView } from '../core/endpoint.ts';
import type { TrustSettings } from '../core/metrics-trust.ts';
import type { Random } from '../core/random.ts';
import { MAX_ENDPOINTS } from './columns.ts';
import type { LoadBooks } from './load-books.ts';

/** A number counts in full for so many scrape intervals: one late scrape is nothing. */
const FRESH_INTERVALS = 4;
/** KV-cache use from which a page keeps requests away more than an unknown use would. */
const HALF_FULL = 0.5;
/** One pick in so many may go to an endpoint to see whether its page is right. */
const PICKS_PER_TRY = 100;

/** Told when the metrics page of an endpoint stops moving, or moves again. */
export type TrustListener = (endpoint: Endpoint, frozen: boolean) => void;

/** What trust is judged by. */
export interface TrustParts {
  readonly endpoints: EndpointView & { readonly books: LoadBooks; readonly trust: Float64Array };
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: TrustSettings;
  /** Age at which a number says nothing, ms; longer where scrapes are far apart. */
  readonly staleAfterMs: number;
  /** When a piece of a response last came from the slot's tenant, clock ms; `-Infinity` for never. */
  lastAliveMs(slot: number): number;
  readonly onChange: TrustListener;
  /** A pick tries an endpoint. */
  onTry(): void;
}

/**
 * Keeps the table's `trust` column: 1 where a metrics page counts as it is, 0 where it says nothing.
 *
 *     1 ----------.                       trust = (staleMs - age) / (staleMs - freshMs), from 0 to 1
 *                  `-.
 *                     `-.                 freshMs = 4 scrape intervals
 *     0 ................ `-----           staleMs = staleAfterMs, at least twice freshMs
 *              freshMs  staleMs
 *
 * A straight line, since neither end may be a jump: scrapes of a busy server come late, and a pool must not turn over
 * because one of them took a moment longer.
 *
 * A page can be served and be wrong. It is *frozen* when its numbers have not moved for `frozenAfterMs` (at least
 * staleMs) and should have: it tells of requests or a full cache, which change with every step of an engine, or we had
 * requests there all the time. Such a page alone proves nothing, for an engine that hangs looks the same and must not get
 * more. So at most one pick in 100, and one request at a time, tries a frozen endpoint we have nothing at: if that moves
 * the page, all is well. If it is answered and the page stands still, the page is wrong and its trust goes the same way,
 * to 0 at twice that time. An engine that does not answer is tried again when the request has ended.
 */
export class MetricsTrust {
  readonly #parts: TrustParts;
  #settings: TrustSettings;
  #intervalMs = 0;
  readonly #generation = new Uint32Array(MAX_ENDPOINTS);
  /** The numbers seen last, and since when they are the same. */
  readonly #waiting = new Float64Array(MAX_ENDPOINTS);
  readonly #running = new Float64Array(MAX_ENDPOINTS);
  readonly #kvUsage = new Float64Array(MAX_ENDPOINTS);
  readonly #stillSinceMs = new Float64Array(MAX_ENDPOINTS);
  /** Since when requests of ours are there whenever we look; `Infinity` while none are. */
  readonly #busySinceMs = new Float64Array(MAX_ENDPOINTS).fill(Number.POSITIVE_INFINITY);
  readonly #isFrozen = new Uint8Array(MAX_ENDPOINTS);
  #frozen = 0;
  #picks = 0;
  /** Of the endpoint that is being tried. */
  #trustBefore = 1;

  constructor(parts: TrustParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
  }

  /** Endpoints whose page is frozen. */
  get frozen(): number {
    return this.#frozen;
  }

  isFrozen(slot: number): boolean {
    return this.#isFrozen[slot] === 1;
  }

  /** Goes on with other settings; without trust everything counts again, however old. */
  configure(settings: TrustSettings): void {
    this.#settings = settings;
    if (settings.enabled) return;
    for (const slot of this.#parts.endpoints.all) this.#thaw(slot);
    this.#parts.endpoints.trust.fill(1);
  }

  /** The scraper reads each page every so many milliseconds. */
  scrapedEvery(intervalMs: number): void {
    this.#intervalMs = intervalMs;
  }

  /** The slot's tenant left. */
  removed(slot: number): void {
    this.#thaw(slot);
    this.#generation[slot] = 0;
  }

  /** Brings trust up to date; to be called several times within the time a number takes to grow old. */
  look(): void {
    if (!this.#settings.enabled) return;
    const { endpoints, clock, staleAfterMs } = this.#parts;
    const nowMs = clock.nowMs();
    const freshMs = FRESH_INTERVALS * this.#intervalMs;
    const staleMs = Math.max(staleAfterMs, 2 * freshMs);
    const frozenMs = Math.max(this.#settings.frozenAfterMs, staleMs);
    for (const slot of endpoints.all) {
      const ageMs = nowMs - endpoints.signals.scrapedAtMs[slot];
      const byAge = falling(ageMs, freshMs, staleMs);
      this.#watch(slot, nowMs);
      // A page that does not come cannot move: its age says all.
      if (byAge === 0) this.#stillSinceMs[slot] = nowMs;
      this.#judge(slot, frozenMs, nowMs);
      const stillMs = nowMs - this.#stillSinceMs[slot];
      const byMoves = this.#isWrong(slot, frozenMs) ? falling(stillMs, frozenMs, 2 * frozenMs) : 1;
      endpoints.trust[slot] = Math.min(byAge, byMoves);
    }
  }

  /**
   * A candidate that a request should try, whatever its score; undefined nearly always. Every call counts as a pick.
   * Until `tried` is called its page does not count, so that filters by load let it pass.
   */
  toTry(candidates: Candidates): number | undefined {
    if (this.#frozen === 0 || ++this.#picks < PICKS_PER_TRY) return undefined;
    this.#picks = 0;
    const { endpoints, random } = this.#parts;
    let chosen: number | undefined;
    let found = 0;
    for (const slot of candidates) {
      if (this.#isFrozen[slot] === 0 || endpoints.books.inflight(slot) > 0) continue;
      if (random.below(++found) === 0) chosen = slot;
    }
    if (chosen === undefined) return undefined;
    this.#trustBefore = endpoints.trust[chosen];
    endpoints.trust[chosen] = 0;
    return chosen;
  }

  /** What `toTry` named was picked, or not. */
  tried(slot: number, isPicked: boolean): void {
    this.#parts.endpoints.trust[slot] = this.#trustBefore;
    if (isPicked) this.#parts.onTry();
  }

  /** Notes whether the page moved and whether we have requests there. */
  #watch(slot: number, nowMs: number): void {
    const { endpoints } = this.#parts;
    const generation = endpoints.at(slot)?.generation ?? 0;
    const { waiting, running, kvUsage } = endpoints.signals;
    const isSame =
      generation === this.#generation[slot] &&
      Object.is(waiting[slot], this.#waiting[slot]) &&
      Object.is(running[slot], this.#running[slot]) &&
      Object.is(kvUsage[slot], this.#kvUsage[slot]);
    if (generation !== this.#generation[slot]) this.#busySinceMs[slot] = Number.POSITIVE_INFINITY;
    if (!isSame) {
      this.#generation[slot] = generation;
      this.#waiting[slot] = waiting[slot];
      this.#running[slot] = running[slot];
      this.#kvUsage[slot] = kvUsage[slot];
      this.#stillSinceMs[slot] = nowMs;
    }
    if (endpoints.books.inflight(slot) === 0) this.#busySinceMs[slot] = Number.POSITIVE_INFINITY;
    else if (this.#busySinceMs[slot] > nowMs) this.#busySinceMs[slot] = nowMs;
  }

  #judge(slot: number, frozenMs: number, nowMs: number): void {
    const { endpoints, onChange } = this.#parts;
    const tellsOfLoad = this.#waiting[slot] > 0 || this.#running[slot] > 0 || this.#kvUsage[slot] > HALF_FULL;
    const shouldMove = tellsOfLoad || nowMs - this.#busySinceMs[slot] >= frozenMs;
    const frozen = shouldMove && nowMs - this.#stillSinceMs[slot] >= frozenMs;
    if (frozen === this.isFrozen(slot)) return;
    this.#isFrozen[slot] = frozen ? 1 : 0;
    this.#frozen += frozen ? 1 : -1;
    const endpoint = endpoints.at(slot);
    if (endpoint !== undefined) onChange(endpoint, frozen);
  }

  /** Whether an answer came from behind a frozen page. */
  #isWrong(slot: number, frozenMs: number): boolean {
    if (this.#isFrozen[slot] === 0) return false;
    return this.#parts.lastAliveMs(slot) > this.#stillSinceMs[slot] + frozenMs;
  }

  #thaw(slot: number): void {
    this.#frozen -= this.#isFrozen[slot];
    this.#isFrozen[slot] = 0;
  }
}

/** 1 up to `from`, 0 beyond `to`, a straight line between; 1 for an age that is not known. */
function falling(ms: number, from: number, to: number): number {
  if (ms >= to) return 0;
  return ms > from ? (to - ms) / (to - from) : 1;
}
