import * as v from 'valibot';
import { definePlugin } from '../core/plugin.ts';
import { parseDurationMs } from '../lib/duration.ts';
import { DEFAULT_ENGINE, ENGINE_LABEL, type EngineChoice, mergeEngines } from './engines.ts';
import { parseMetricSpec } from './metric-spec.ts';
import { MIN_INTERVAL_MS } from './pace.ts';

/** How metrics pages are fetched: parameters of `metrics-data-source`. */
export interface MetricsSourceSettings {
  readonly scheme: 'http' | 'https';
  /** Path and query, with its slash. */
  readonly path: string;
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

/** Which signals are read from which engine: parameters of `core-metrics-extractor`. */
export type CoreExtractorSettings = EngineChoice;

/** Message of the error `read` throws for the text, or undefined when it accepts it. */
function complaint(read: (text: string) => unknown, text: string): string | undefined {
  try {
    read(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

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

const sourceParameters = v.pipe(
  v.strictObject({
    scheme: v.optional(v.pipe(v.picklist(['http', 'https']), v.description('Scheme of the metrics page.')), 'http'),
    path: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces'),
        v.description('Path of the metrics page; may carry a query.'),
      ),
      '/metrics',
    ),
    port: v.optional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(65_535),
        v.description('Port of the metrics page, where it is not the port that serves requests.'),
      ),
    ),
    insecureSkipVerify: v.optional(
      v.pipe(v.boolean(), v.description("Whether to accept any server certificate (https); turns 'caCertPath' off.")),
      true,
    ),
    caCertPath: filePath('PEM file with the authorities that may have signed the server certificate.'),
    clientCertPath: filePath("PEM file with the certificate to present; needs 'clientKeyPath'."),
    clientKeyPath: filePath("PEM file with the key of 'clientCertPath'."),
    interval: v.optional(
      v.pipe(duration, v.description('Time between two scrapes of an endpoint, a Go duration; 50ms at least.')),
    ),
  }),
  v.check(
    ({ clientCertPath, clientKeyPath }) => (clientCertPath === '') === (clientKeyPath === ''),
    'clientCertPath and clientKeyPath must be given together',
  ),
);

/** Where metrics pages come from. */
export const metricsDataSource = definePlugin({
  kind: 'source',
  type: 'metrics-data-source',
  stability: 'beta',
  summary: 'Fetches the metrics page of every endpoint.',
  config: sourceParameters,
  create: ({ interval, path, port, caCertPath, clientCertPath, clientKeyPath, ...rest }): MetricsSourceSettings => ({
    ...rest,
    path: path.startsWith('/') ? path : `/${path}`,
    port,
    caCertPath: caCertPath || undefined,
    clientCertPath: clientCertPath || undefined,
    clientKeyPath: clientKeyPath || undefined,
    intervalMs: interval === undefined ? undefined : Math.max(MIN_INTERVAL_MS, interval),
  }),
});

const spec = (description: string) =>
  v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === '' || complaint(parseMetricSpec, text) === undefined,
        ({ input }) => complaint(parseMetricSpec, input) ?? '',
      ),
      v.description(description),
    ),
  );
const labelName = (description: string) => v.optional(v.pipe(v.string(), v.description(description)));

const engineConfig = v.strictObject({
  name: v.pipe(
    v.string(),
    v.minLength(1, 'an engine needs a name'),
    v.notValue('default', "the name 'default' is reserved"),
    v.description('Value of the engine label; a built-in name replaces that engine as a whole.'),
  ),
  queuedRequestsSpec: spec('Metric with the requests waiting, as name{label=value}.'),
  runningRequestsSpec: spec('Metric with the requests running.'),
  kvUsageSpec: spec('Metric with the KV-cache use, 0 to 1.'),
  loraSpec: spec('Metric whose labels list the LoRA adapters in use. Accepted, not read.'),
  cacheInfoSpec: spec('Metric whose labels tell the KV-cache blocks.'),
  cacheBlockSizeLabelName: labelName("Label of 'cacheInfoSpec' with the tokens per block."),
  cacheNumBlocksLabelName: labelName("Label of 'cacheInfoSpec' with the number of blocks."),
  cacheBlockSizeSpec: spec('Metric with the tokens per block.'),
  cacheNumBlocksSpec: spec('Metric with the number of blocks.'),
  customMetrics: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          attributeKey: v.pipe(v.string(), v.minLength(1), v.description('Name the metric is known by.')),
          metricSpec: spec('The metric.'),
        }),
      ),
      v.description('Further metrics to keep per endpoint. Accepted, not read.'),
    ),
  ),
});

const extractorParameters = v.pipe(
  v.strictObject({
    engineLabelKey: v.optional(
      v.pipe(v.string(), v.description('Label of an endpoint that names its engine.')),
      ENGINE_LABEL,
    ),
    defaultEngine: v.optional(
      v.pipe(v.string(), v.description('Engine of endpoints that name none or an unknown one.')),
      DEFAULT_ENGINE,
    ),
    engineConfigs: v.optional(
      v.pipe(
        v.array(engineConfig),
        v.check((configs) => new Set(configs.map(({ name }) => name)).size === configs.length, 'a name is used twice'),
        v.description('Engines besides, or instead of, the built-in ones.'),
      ),
      [],
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { defaultEngine } = dataset.value;
    // Specs that do not parse have their own errors; only names matter here.
    const names = dataset.value.engineConfigs.map(({ name }): { name: string } => ({ name }));
    if (defaultEngine === '' || mergeEngines(names).some(({ name }) => name === defaultEngine)) return;
    addIssue({ message: `defaultEngine "${defaultEngine}" not found in engineConfigs` });
  }),
);

/** What is read from metrics pages. */
export const coreMetricsExtractor = definePlugin({
  kind: 'extractor',
  type: 'core-metrics-extractor',
  stability: 'beta',
  summary: 'Reads queue, running requests and KV-cache use from metrics pages, per engine.',
  config: extractorParameters,
  create: ({ engineLabelKey, defaultEngine, engineConfigs }): CoreExtractorSettings => ({
    labelKey: engineLabelKey || ENGINE_LABEL,
    defaultEngine: defaultEngine || DEFAULT_ENGINE,
    engines: mergeEngines(engineConfigs),
  }),
});
