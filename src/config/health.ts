import * as v from 'valibot';
import { DEFAULT_HEALTH, type HealthSettings } from '../core/health.ts';
import { durationMs } from './units.ts';

const count = (description: string) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(1, 'must be 1 or more'), v.description(description)));
const share = (description: string) =>
  v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value > 0 && value <= 1, 'must be more than 0 and at most 1'),
      v.description(description),
    ),
  );
const time = (description: string) =>
  v.optional(
    v.pipe(
      durationMs,
      v.check((ms) => ms > 0, 'must be longer than 0'),
      v.description(description),
    ),
  );
const timeOrNone = (description: string) =>
  v.optional(
    v.pipe(
      durationMs,
      v.check((ms) => ms >= 0, 'must not be negative'),
      v.description(description),
    ),
  );

/** The `health` section: passive health of endpoints. Ours; the reference has none. */
export const HEALTH = v.pipe(
  v.object({
    enabled: v.optional(v.pipe(v.boolean(), v.description('Whether failing endpoints are kept from requests.'))),
    consecutiveErrors: count('Errors in a row (5xx answers, streams that tell of an error) that eject an endpoint.'),
    consecutiveConnectFailures: count('Times in a row the gateway had to go on to a fallback that eject an endpoint.'),
    errorShare: share('Share of errors among answers that ejects an endpoint.'),
    minRequests: count('Answers within a window from which errorShare counts.'),
    window: time('Answers count half after this long.'),
    ejectionTime: time('First ejection; each further one without a recovery takes twice as long.'),
    maxEjectionTime: time('Longest ejection.'),
    maxEjectedShare: share('Most of the pool that errors may eject.'),
    probeSuccesses: count('Answers in a row that make a probed endpoint healthy.'),
    slowStart: timeOrNone(
      'How long a new or returned endpoint takes to its full share of requests; 0s gives it at once.',
    ),
    firstByteTimeout: timeOrNone(
      'A request given up after this long without a first byte counts as an error; 0s never.',
    ),
  }),
  v.check(
    ({ ejectionTime = DEFAULT_HEALTH.ejectMs, maxEjectionTime = DEFAULT_HEALTH.maxEjectMs }) =>
      ejectionTime <= maxEjectionTime,
    'ejectionTime must not be longer than maxEjectionTime',
  ),
);

/** The thresholds a configuration asks for, with defaults. */
export function resolveHealth(given: v.InferOutput<typeof HEALTH> = {}): HealthSettings {
  return {
    enabled: given.enabled ?? DEFAULT_HEALTH.enabled,
    consecutiveErrors: given.consecutiveErrors ?? DEFAULT_HEALTH.consecutiveErrors,
    consecutiveConnectFailures: given.consecutiveConnectFailures ?? DEFAULT_HEALTH.consecutiveConnectFailures,
    errorShare: given.errorShare ?? DEFAULT_HEALTH.errorShare,
    minRequests: given.minRequests ?? DEFAULT_HEALTH.minRequests,
    windowMs: given.window ?? DEFAULT_HEALTH.windowMs,
    ejectMs: given.ejectionTime ?? DEFAULT_HEALTH.ejectMs,
    maxEjectMs: given.maxEjectionTime ?? DEFAULT_HEALTH.maxEjectMs,
    maxEjectedShare: given.maxEjectedShare ?? DEFAULT_HEALTH.maxEjectedShare,
    probeSuccesses: given.probeSuccesses ?? DEFAULT_HEALTH.probeSuccesses,
    slowStartMs: given.slowStart ?? DEFAULT_HEALTH.slowStartMs,
    firstByteTimeoutMs: given.firstByteTimeout ?? DEFAULT_HEALTH.firstByteTimeoutMs,
  };
}
