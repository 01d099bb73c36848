import * as v from 'valibot';
import { definePlugin } from '../core/plugin.ts';
import { parseDurationMs } from '../lib/duration.ts';
import { complaint } from './complaint.ts';
import { DEFAULT_PATH } from './engines.ts';
import { MIN_INTERVAL_MS } from './pace.ts';

/** How a page of every endpoint is fetched: parameters of the sources that ask over HTTP. */
export interface HttpSourceSettings {
  readonly type: 'metrics-data-source' | 'models-data-source';
  readonly scheme: 'http' | 'https';
  /** Path and query, with its slash. */
  readonly path: string;
  /** Whether to ask servers for what is read only, where they are known to print that alone. */
  readonly shortPage: boolean;
  /** Overrides the port of every endpoint. */
  readonly port: number | undefined;
  readonly insecureSkipVerify: boolean;
  /** PEM files; undefined where none is configured. */
  readonly caCertPath: string | undefined;
  readonly clientCertPath: string | undefined;
  readonly clientKeyPath: string | undefined;
  /** Undefined: as `--refresh-metrics-interval` says. */
  readonly intervalMs: number | undefined;
}

/**
 * How often lists of models are fetched where no interval is given. The reference asks as often as for metrics, 20
 * times a second, for what changes when somebody loads an adapter.
 */
const MODELS_INTERVAL_MS = 5000;

const duration = v.pipe(
  v.string(),
  v.check(
    (text) => complaint(parseDurationMs, text) === undefined,
    ({ input }) => complaint(parseDurationMs, input) ?? '',
  ),
  v.transform(parseDurationMs),
  v.check((ms) => ms > 0, 'must be longer than 0'),
);

/** Optional file path; an empty one means none, as in the contract. */
const filePath = (description: string) => v.optional(v.pipe(v.string(), v.description(description)), '');

/** What both sources take. Source: contract 4.2. */
const common = (defaultPath: string) => ({
  scheme: v.optional(v.pipe(v.picklist(['http', 'https']), v.description('Scheme of the page.')), 'http'),
  path: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces'),
      v.description('Path of the page; may carry a query.'),
    ),
    defaultPath,
  ),
  insecureSkipVerify: v.optional(
    v.pipe(v.boolean(), v.description("Whether to accept any server certificate (https); turns 'caCertPath' off.")),
    true,
  ),
  caCertPath: filePath('PEM file with the authorities that may have signed the server certificate.'),
  clientCertPath: filePath("PEM file with the certificate to present; needs 'clientKeyPath'."),
  clientKeyPath: filePath("PEM file with the key of 'clientCertPath'."),
  interval: v.optional(
    v.pipe(duration, v.description('Time between two requests to an endpoint, a Go duration; 50ms at least.')),
  ),
});

const PAIR = 'clientCertPath and clientKeyPath must be given together';

function isPair({ clientCertPath, clientKeyPath }: { clientCertPath: string; clientKeyPath: string }): boolean {
  return (clientCertPath === '') === (clientKeyPath === '');
}

const metricsParameters = v.pipe(
  v.strictObject({
    ...common(DEFAULT_PATH),
    port: v.optional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(65_535),
        v.description('Port of the page, where it is not the port that serves requests.'),
      ),
    ),
    shortPage: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "Whether to ask vLLM for the metrics that are read instead of all; not where 'path' is another than /metrics.",
        ),
      ),
      true,
    ),
  }),
  v.check((parameters) => isPair(parameters), PAIR),
);

const modelsParameters = v.pipe(
  v.strictObject(common('/v1/models')),
  v.check((parameters) => isPair(parameters), PAIR),
);

/** Where metrics pages come from. */
export const metricsDataSource = definePlugin({
  kind: 'source',
  type: 'metrics-data-source',
  stability: 'beta',
  summary: 'Fetches the metrics page of every endpoint.',
  config: metricsParameters,
  payload: 'metrics-page',
  create: ({ port, shortPage, ...rest }) => ({ ...settingsOf('metrics-data-source', rest), port, shortPage }),
});

/** Where lists of models come from. */
export const modelsDataSource = definePlugin({
  kind: 'source',
  type: 'models-data-source',
  stability: 'beta',
  summary: 'Fetches the list of models every endpoint serves, every 5 seconds unless told otherwise.',
  config: modelsParameters,
  payload: 'model-list',
  create: (parameters) => {
    const settings = settingsOf('models-data-source', parameters);
    return { ...settings, intervalMs: settings.intervalMs ?? MODELS_INTERVAL_MS };
  },
});

function settingsOf(
  type: HttpSourceSettings['type'],
  { interval, path, caCertPath, clientCertPath, clientKeyPath, ...rest }: v.InferOutput<typeof modelsParameters>,
): HttpSourceSettings {
  return {
    ...rest,
    type,
    path: path.startsWith('/') ? path : `/${path}`,
    port: undefined,
    shortPage: false,
    caCertPath: caCertPath || undefined,
    clientCertPath: clientCertPath || undefined,
    clientKeyPath: clientKeyPath || undefined,
    intervalMs: interval === undefined ? undefined : Math.max(MIN_INTERVAL_MS, interval),
  };
}
