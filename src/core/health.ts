/**
 * How an endpoint does, judged by real traffic and by whether it can be reached at all. `healthy`: nothing is wrong, or
 * nothing is known. `suspect`: something went wrong lately, not enough to keep requests away. `ejected`: it gets no
 * requests for now. `probing`: it gets one request at a time, to see.
 */
export const HEALTH_STATES = ['healthy', 'suspect', 'ejected', 'probing'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** Why a state was left. */
export type HealthReason =
  | 'unreachable'
  | 'hanging'
  | 'connection failed'
  | 'errors in a row'
  | 'error rate'
  | 'no answer'
  | 'back-off over'
  | 'reachable again'
  | 'answered'
  | 'probes answered';

/** Thresholds of passive health; contract-free, ours. Times in milliseconds, shares 0 to 1. */
export interface HealthSettings {
  readonly enabled: boolean;
  /** Errors in a row, of 5xx answers and streams that broke, that eject. */
  readonly consecutiveErrors: number;
  /** Failed connections in a row that eject; the proxy going on to a fallback is one. */
  readonly consecutiveConnectFailures: number;
  /** Share of errors that ejects, once `minRequests` were answered within about `windowMs`. */
  readonly errorShare: number;
  readonly minRequests: number;
  readonly windowMs: number;
  /** First ejection; each one that follows without a recovery takes twice as long, up to `maxEjectMs`. */
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  /** Most of the pool that errors may eject; endpoints nobody can connect to do not count. */
  readonly maxEjectedShare: number;
  /** Requests a probed endpoint must answer, one after the other, to be healthy again. */
  readonly probeSuccesses: number;
  /** How long a new or returned endpoint takes to its full share of requests; 0 gives it at once. */
  readonly slowStartMs: number;
  /** A request that got no first byte for so long counts as an error; 0 waits for ever. */
  readonly firstByteTimeoutMs: number;
}

export const DEFAULT_HEALTH: HealthSettings = {
  enabled: true,
  consecutiveErrors: 5,
  consecutiveConnectFailures: 2,
  errorShare: 0.5,
  minRequests: 10,
  windowMs: 10_000,
  ejectMs: 1000,
  maxEjectMs: 8000,
  maxEjectedShare: 0.5,
  probeSuccesses: 2,
  slowStartMs: 10_000,
  firstByteTimeoutMs: 0,
};
