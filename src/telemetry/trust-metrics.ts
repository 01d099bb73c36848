import type { TrustListener } from '../datastore/metrics-trust.ts';
import type { Logger } from './log.ts';

/** Logs when the metrics page of an endpoint stands still, and when it moves again. */
export function trustReporter(log: Logger): TrustListener {
  return ({ id, hostPort }, frozen) => {
    const endpoint = { endpoint: id, address: hostPort };
    if (frozen) log.warn(endpoint, 'metrics stand still though they should not; a request will be sent to see');
    else log.info(endpoint, 'metrics no longer stand still');
  };
}
