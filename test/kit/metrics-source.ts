import type { HttpSourceSettings } from '../../src/scrape/sources.ts';

/** `metrics-data-source` as it is without parameters. */
export const METRICS_SOURCE: HttpSourceSettings = {
  type: 'metrics-data-source',
  scheme: 'http',
  path: '/metrics',
  port: undefined,
  shortPage: true,
  insecureSkipVerify: true,
  caCertPath: undefined,
  clientCertPath: undefined,
  clientKeyPath: undefined,
  intervalMs: undefined,
};
