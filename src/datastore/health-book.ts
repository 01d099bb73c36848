import type { Clock } from '../core/clock.ts';
import type { Candidates, Endpoint, EndpointView } from '../core/endpoint.ts';
import { HEALTH_STATES, type HealthReason, type HealthSettings, type HealthState } from '../core/health.ts';
import type { Random } from '../core/random.ts';
import { MAX_ENDPOINTS } from './columns.ts';

/** Places in `HEALTH_STATES`. */
const HEALTHY = 0;
const SUSPECT = 1;
const EJECTED = 2;
const PROBING = 3;
/** How the scraper lost an endpoint: nobody listens there any more, or somebody listens and does not answer. */
const NOT_LOST = 0;
const HUNG = 1;
const REFUSED = 2;
/** A recovering endpoint begins with this share of its usual chance to be a candidate. */
const FIRST_SHARE = 0.1;

/** Told of every change of state. */
export type HealthListener = (endpoint: Endpoint, from: HealthState, to: HealthState, reason: HealthReason) => void;

/** What a health book is kept with. */
export interface HealthParts {
  readonly endpoints: EndpointView;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: HealthSettings;
  readonly onChange: HealthListener;
}

/** What is known about one slot, for pages and logs. */
export interface HealthReport {
  readonly state: HealthState;
  readonly errorsInRow: number;
  /** Until when it is ejected, clock ms; `NaN` when it is not. */
  readonly ejectedUntilMs: number;
  /** Ejections since it was last healthy. */
  readonly ejections: number;
  /** Of its usual chance to be a candidate, 0..1. */
  readonly share: number;
}

/**
 * Passive health, by slot: what became of the requests an endpoint was sent, and whether the scraper can connect to it.
 *
 *     healthy --error--> suspect --more errors--> ejected --back-off over--> probing --answers--> healthy (slow start)
 *        ^                  |                        ^                         |
 *        +-----answer-------+                        +---------error-----------+
 *
 * Errors never eject more than a share of the pool, and where every candidate is ejected the least bad ones are used:
 * a picker must not make an outage of its own.
 */
export class HealthBook {
  readonly #parts: HealthParts;
  readonly #generation = new Uint32Array(MAX_ENDPOINTS);
  readonly #state = new Uint8Array(MAX_ENDPOINTS);
  readonly #errorsInRow = new Uint16Array(MAX_ENDPOINTS);
  readonly #connectFailures = new Uint16Array(MAX_ENDPOINTS);
  readonly #untilMs = new Float64Array(MAX_ENDPOINTS);
  /** When errors ejected it last. */
  readonly #ejectedMs = new Float64Array(MAX_ENDPOINTS).fill(Number.NEGATIVE_INFINITY);
  readonly #ejections = new Uint8Array(MAX_ENDPOINTS);
  readonly #probes = new Uint16Array(MAX_ENDPOINTS);
  readonly #probesAnswered = new Uint16Array(MAX_ENDPOINTS);
  /** When the slow start began; `-Infinity` for one that needs none. */
  readonly #startedMs = new Float64Array(MAX_ENDPOINTS).fill(Number.NEGATIVE_INFINITY);
  /** The last sign of life in a response. */
  readonly #aliveMs = new Float64Array(MAX_ENDPOINTS).fill(Number.NEGATIVE_INFINITY);
  /** How the scraper lost it, of what it is ejected for; 0 where it was not lost. */
  readonly #loss = new Uint8Array(MAX_ENDPOINTS);
  /** Answers and errors of late, halved every `windowMs`. */
  readonly #answers = new Float64Array(MAX_ENDPOINTS);
  readonly #errors = new Float64Array(MAX_ENDPOINTS);
  readonly #countedMs = new Float64Array(MAX_ENDPOINTS);
  /** 1 for a slot that is ejected, probed or in slow start: the others are not looked at. */
  readonly #isTroubled = new Uint8Array(MAX_ENDPOINTS);

  #settings: HealthSettings;

  constructor(parts: HealthParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
  }

  get settings(): HealthSettings {
    return this.#settings;
  }

  /** Goes on with other thresholds; what is known stays. */
  configure(settings: HealthSettings): void {
    this.#settings = settings;
  }

  /** A slot has a new tenant. `warm` spares it the slow start: everybody is new when the picker starts. */
  added({ slot, generation }: Endpoint, warm: boolean): void {
    this.#generation[slot] = generation;
    this.#state[slot] = HEALTHY;
    this.#errorsInRow[slot] = 0;
    this.#connectFailures[slot] = 0;
    this.#ejections[slot] = 0;
    this.#probes[slot] = 0;
    this.#probesAnswered[slot] = 0;
    this.#untilMs[slot] = Number.NaN;
    this.#ejectedMs[slot] = Number.NEGATIVE_INFINITY;
    this.#aliveMs[slot] = Number.NEGATIVE_INFINITY;
    this.#loss[slot] = NOT_LOST;
    this.#answers[slot] = 0;
    this.#errors[slot] = 0;
    this.#startedMs[slot] = warm ? Number.NEGATIVE_INFINITY : this.#parts.clock.nowMs();
    this.#note(slot);
  }

  /** The slot's tenant left. */
  removed({ slot }: Endpoint): void {
    this.#generation[slot] = 0;
    this.#state[slot] = HEALTHY;
    this.#startedMs[slot] = Number.NEGATIVE_INFINITY;
    this.#note(slot);
  }

  /**
   * A request was sent to the endpoint; whoever says so says later what became of it, or that nothing did. Returns when
   * that was, clock ms, for `answered`.
   */
  sent({ slot, generation }: Endpoint): number {
    if (this.#generation[slot] === generation) this.#probes[slot]++;
    return this.#parts.clock.nowMs();
  }

  /** The request ended or went elsewhere. */
  ended({ slot, generation }: Endpoint): void {
    if (this.#generation[slot] === generation && this.#probes[slot] > 0) this.#probes[slot]--;
  }

  /** The endpoint answered a request well that was sent then. */
  answered(endpoint: Endpoint, sentMs: number): void {
    const { slot } = endpoint;
    if (!this.#watches(endpoint)) return;
    this.#count(slot, 1, 0);
    this.#aliveMs[slot] = this.#parts.clock.nowMs();
    this.#errorsInRow[slot] = 0;
    this.#connectFailures[slot] = 0;
    const state = this.#state[slot];
    if (state === SUSPECT) this.#move(endpoint, HEALTHY, 'answered');
    if (state !== PROBING && state !== EJECTED) return;
    // What it had in hand before the errors began says nothing of what it makes of the next request.
    if (sentMs < this.#ejectedMs[slot]) return;
    if (++this.#probesAnswered[slot] >= this.#settings.probeSuccesses) this.#recover(endpoint);
  }

  /** A piece of a response came from the endpoint: whatever the scraper says, it lives. */
  alive({ slot, generation }: Endpoint, nowMs: number): void {
    if (this.#generation[slot] === generation) this.#aliveMs[slot] = nowMs;
  }

  /** The endpoint answered with a server error, or broke a stream off, or did not answer in time. */
  failed(endpoint: Endpoint, reason: 'errors in a row' | 'no answer' = 'errors in a row'): void {
    const { slot } = endpoint;
    if (!this.#watches(endpoint)) return;
    const settings = this.#settings;
    this.#count(slot, 0, 1);
    const inRow = ++this.#errorsInRow[slot];
    const total = this.#answers[slot] + this.#errors[slot];
    const tooMany = total >= settings.minRequests && this.#errors[slot] / total >= settings.errorShare;
    const state = this.#state[slot];
    if (state === PROBING) this.#eject(endpoint, reason);
    else if (state === EJECTED) this.#probesAnswered[slot] = 0;
    else if (inRow >= settings.consecutiveErrors) this.#ejectIfRoom(endpoint, reason);
    else if (tooMany) this.#ejectIfRoom(endpoint, 'error rate');
    else if (state === HEALTHY) this.#move(endpoint, SUSPECT, reason);
  }

  /** The proxy could not connect, or was cut off before an answer, and went on to somebody else. */
  connectFailed(endpoint: Endpoint): void {
    const { slot } = endpoint;
    if (!this.#watches(endpoint)) return;
    this.#count(slot, 0, 1);
    const inRow = ++this.#connectFailures[slot];
    const state = this.#state[slot];
    if (state === EJECTED) return;
    if (state === PROBING || inRow >= this.#settings.consecutiveConnectFailures) {
      this.#eject(endpoint, 'connection failed');
    } else if (state === HEALTHY) this.#move(endpoint, SUSPECT, 'connection failed');
  }

  /**
   * The candidates that should get requests now; the same list when that is all of them. Never empty unless
   * `candidates` is: of nothing but ejected ones the least bad stay.
   */
  narrow(candidates: Candidates): Candidates {
    const settings = this.#settings;
    const { endpoints, clock, random } = this.#parts;
    if (!settings.enabled) return candidates;
    const { refusedSinceMs, hungSinceMs } = endpoints.signals;
    const nowMs = clock.nowMs();
    const isTroubled = this.#isTroubled;
    const { length } = candidates;
    let out: Uint32Array | undefined;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const slot = candidates[i];
      // Not a number compares false: the usual case costs three comparisons.
      const lost = refusedSinceMs[slot] <= nowMs || hungSinceMs[slot] <= nowMs;
      const usable = (isTroubled[slot] === 0 && !lost) || this.#usable(slot, nowMs, random);
      if (usable && out !== undefined) out[kept] = slot;
      else if (!usable) out ??= candidates.slice();
      if (usable) kept++;
    }
    if (out === undefined) return candidates;
    return kept > 0 ? out.subarray(0, kept) : this.#leastBad(candidates, nowMs);
  }

  /** When a piece of a response last came from the slot's tenant, clock ms; `-Infinity` for never. */
  lastAliveMs(slot: number): number {
    return this.#aliveMs[slot];
  }

  stateOf(slot: number): HealthState {
    return HEALTH_STATES[this.#state[slot]];
  }

  reportOf(slot: number): HealthReport {
    return {
      state: this.stateOf(slot),
      errorsInRow: this.#errorsInRow[slot],
      ejectedUntilMs: this.#state[slot] === EJECTED ? this.#untilMs[slot] : Number.NaN,
      ejections: this.#ejections[slot],
      share: this.#share(slot, this.#parts.clock.nowMs()),
    };
  }

  #watches({ slot, generation }: Endpoint): boolean {
    return this.#settings.enabled && this.#generation[slot] === generation;
  }

  #usable(slot: number, nowMs: number, random: Random): boolean {
    const endpoint = this.#parts.endpoints.at(slot);
    if (endpoint === undefined) return false;
    this.#look(endpoint, nowMs);
    const state = this.#state[slot];
    if (state === EJECTED) return false;
    if (state === PROBING) return this.#probes[slot] === 0;
    const share = this.#share(slot, nowMs);
    return share >= 1 || random.next() < share;
  }

  /** Brings the state up to date with what the scraper sees and with the time that has passed. */
  #look(endpoint: Endpoint, nowMs: number): void {
    const { slot } = endpoint;
    const loss = this.#lossOf(slot, nowMs);
    const state = this.#state[slot];
    if (loss !== NOT_LOST) {
      this.#loss[slot] = Math.max(this.#loss[slot], loss);
      this.#move(endpoint, EJECTED, loss === REFUSED ? 'unreachable' : 'hanging');
    } else if (state === EJECTED && this.#loss[slot] !== NOT_LOST) {
      this.#found(endpoint);
    } else if (state === EJECTED && nowMs >= this.#untilMs[slot]) {
      this.#probesAnswered[slot] = 0;
      this.#move(endpoint, PROBING, 'back-off over');
    } else if (state === HEALTHY && this.#share(slot, nowMs) >= 1) {
      this.#startedMs[slot] = Number.NEGATIVE_INFINITY;
      this.#note(slot);
    }
  }

  /** Whether the scraper has lost the endpoint, with no sign of life from it since. */
  #lossOf(slot: number, nowMs: number): number {
    const { refusedSinceMs, hungSinceMs } = this.#parts.endpoints.signals;
    const aliveMs = this.#aliveMs[slot];
    const since = (sinceMs: number): boolean => sinceMs <= nowMs && !(aliveMs > sinceMs);
    if (since(refusedSinceMs[slot])) return REFUSED;
    return since(hungSinceMs[slot]) ? HUNG : NOT_LOST;
  }

  /** The scraper reached the endpoint again: one that was gone is tried first, one that was only slow was never gone. */
  #found(endpoint: Endpoint): void {
    const { slot } = endpoint;
    const gone = this.#loss[slot] === REFUSED;
    this.#loss[slot] = NOT_LOST;
    this.#probesAnswered[slot] = 0;
    this.#errorsInRow[slot] = 0;
    this.#connectFailures[slot] = 0;
    this.#move(endpoint, gone ? PROBING : HEALTHY, 'reachable again');
  }

  #share(slot: number, nowMs: number): number {
    const { slowStartMs } = this.#settings;
    const sinceMs = nowMs - this.#startedMs[slot];
    return sinceMs >= slowStartMs ? 1 : FIRST_SHARE + (1 - FIRST_SHARE) * (sinceMs / slowStartMs);
  }

  #ejectIfRoom(endpoint: Endpoint, reason: HealthReason): void {
    const settings = this.#settings;
    const { endpoints } = this.#parts;
    const { all } = endpoints;
    let out = 1;
    for (const slot of all) if (this.#state[slot] === EJECTED || this.#state[slot] === PROBING) out++;
    if (out <= Math.max(1, settings.maxEjectedShare * all.length) && out < all.length) this.#eject(endpoint, reason);
    else if (this.#state[endpoint.slot] === HEALTHY) this.#move(endpoint, SUSPECT, reason);
  }

  #eject(endpoint: Endpoint, reason: HealthReason): void {
    const { slot } = endpoint;
    const { ejectMs, maxEjectMs } = this.#settings;
    const backOffMs = Math.min(maxEjectMs, ejectMs * 2 ** this.#ejections[slot]);
    this.#ejectedMs[slot] = this.#parts.clock.nowMs();
    this.#untilMs[slot] = this.#ejectedMs[slot] + backOffMs;
    this.#ejections[slot] = Math.min(16, this.#ejections[slot] + 1);
    this.#probesAnswered[slot] = 0;
    // For its errors now, however it came back from being lost before: reaching it does not end that.
    this.#loss[slot] = NOT_LOST;
    this.#move(endpoint, EJECTED, reason);
  }

  #recover(endpoint: Endpoint): void {
    const { slot } = endpoint;
    this.#ejections[slot] = 0;
    this.#answers[slot] = 0;
    this.#errors[slot] = 0;
    this.#startedMs[slot] = this.#parts.clock.nowMs();
    this.#move(endpoint, HEALTHY, 'probes answered');
  }

  #move(endpoint: Endpoint, to: number, reason: HealthReason): void {
    const from = this.#state[endpoint.slot];
    this.#state[endpoint.slot] = to;
    this.#note(endpoint.slot);
    if (from !== to) this.#parts.onChange(endpoint, HEALTH_STATES[from], HEALTH_STATES[to], reason);
  }

  #note(slot: number): void {
    const troubled = this.#state[slot] > SUSPECT || this.#startedMs[slot] > Number.NEGATIVE_INFINITY;
    this.#isTroubled[slot] = troubled ? 1 : 0;
  }

  #count(slot: number, answers: number, errors: number): void {
    const nowMs = this.#parts.clock.nowMs();
    const kept = 0.5 ** ((nowMs - this.#countedMs[slot]) / this.#settings.windowMs);
    this.#answers[slot] = this.#answers[slot] * kept + answers;
    this.#errors[slot] = this.#errors[slot] * kept + errors;
    this.#countedMs[slot] = nowMs;
  }

  /** Those the scraper can reach before the others. */
  #leastBad(candidates: Candidates, nowMs: number): Candidates {
    const reachable = candidates.filter((slot) => this.#lossOf(slot, nowMs) === NOT_LOST);
    return reachable.length > 0 ? reachable : candidates;
  }
}
