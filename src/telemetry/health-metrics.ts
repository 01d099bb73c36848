import type { HealthListener } from '../datastore/health-book.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Logs and counts every change of an endpoint's health. */
export function healthReporter(metrics: Metrics, log: Logger): HealthListener {
  const transitions = metrics.counter('endpoint_health_transitions_total');
  return ({ id, hostPort }, from, to, reason) => {
    transitions.inc({ to, reason });
    const level = to === 'ejected' ? 'warn' : 'info';
    log[level]({ endpoint: id, address: hostPort, from, to, reason }, 'endpoint health changed');
  };
}
