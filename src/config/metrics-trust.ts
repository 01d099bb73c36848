import * as v from 'valibot';
import { DEFAULT_TRUST, type TrustSettings } from '../core/metrics-trust.ts';
import { durationMs } from './units.ts';

/** The `metricsTrust` section: how far old and frozen metrics count. Ours; the reference has none. */
export const METRICS_TRUST = v.object({
  enabled: v.optional(
    v.pipe(v.boolean(), v.description('Whether metrics count less the older they are, and frozen ones are tried.')),
  ),
  frozenAfter: v.optional(
    v.pipe(
      durationMs,
      v.check((ms) => ms > 0, 'must be longer than 0'),
      v.description('A metrics page whose numbers should move and have not for so long is frozen.'),
    ),
  ),
});

/** What a configuration asks for, with defaults. */
export function resolveTrust(given: v.InferOutput<typeof METRICS_TRUST> = {}): TrustSettings {
  return {
    enabled: given.enabled ?? DEFAULT_TRUST.enabled,
    frozenAfterMs: given.frozenAfter ?? DEFAULT_TRUST.frozenAfterMs,
  };
}
