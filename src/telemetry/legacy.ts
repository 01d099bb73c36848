import type { Counter, Gauge, Registry } from 'prom-client';
import { FAMILIES, type Family, type FamilyName, HELP_PREFIX, METRIC_PREFIX } from './families.ts';
import type { HistogramFamily } from './histogram-family.ts';

/** A family under its name of a former generation. */
export interface LegacyFamily {
  /** The whole name. */
  readonly name: string;
  /** The family its numbers come from. */
  readonly of: FamilyName;
  /** Labels it keeps, in order; numbers are summed over those it lacks. */
  readonly labels: readonly string[];
  /** Labels that had another name then: the new name of each old one. */
  readonly renamed?: Readonly<Record<string, string>>;
}

const MODELS = ['model_name', 'target_model_name'];

/** Every twin of a family we export. Source: contract `wire-protocol.md` 5.2 and 5.3, last column. */
export const LEGACY_FAMILIES: readonly LegacyFamily[] = [
  objective('request_total', 'request_total', [...MODELS, 'priority']),
  objective('request_error_total', 'request_error_total', [...MODELS, 'error_code']),
  objective('request_duration_seconds', 'request_duration_seconds', MODELS),
  objective('request_sizes', 'request_size_bytes', MODELS),
  objective('response_sizes', 'response_size_bytes', MODELS),
  objective('input_tokens', 'request_input_tokens', MODELS),
  objective('prompt_cached_tokens', 'request_cached_tokens', MODELS),
  objective('output_tokens', 'request_output_tokens', MODELS),
  objective('running_requests', 'request_running', ['model_name']),
  objective('normalized_time_per_output_token_seconds', 'request_ntpot_seconds', MODELS),
  pool('average_kv_cache_utilization', 'average_kv_cache_utilization'),
  pool('average_queue_size', 'average_queue_size'),
  pool('average_running_requests', 'average_running_requests'),
  pool('ready_pods', 'ready_endpoints'),
  {
    ...pool('per_pod_queue_size', 'per_endpoint_queue_size'),
    labels: ['name', 'model_server_pod'],
    renamed: { model_server_pod: 'model_server_endpoint' },
  },
  extension('scheduler_e2e_duration_seconds', []),
  {
    ...extension('scheduler_attempts_total', ['status', 'target_model_name', 'pod_name', 'namespace', 'port']),
    renamed: { pod_name: 'endpoint_name' },
  },
  extension('plugin_duration_seconds', ['extension_point', 'plugin_type', 'plugin_name']),
  extension('info', ['commit', 'build_ref']),
  extension('model_rewrite_decisions_total', ['model_rewrite_name', 'model_name', 'target_model']),
  extension('prefix_indexer_size', []),
  extension('prefix_indexer_hit_ratio', []),
  extension('prefix_indexer_hit_bytes', []),
  scheduler('disagg_decision_total', ['model_name', 'decision_type']),
  scheduler('pd_decision_total', ['model_name', 'decision_type']),
  scheduler('datalayer_poll_errors_total', ['source_type']),
  scheduler('datalayer_extract_errors_total', ['source_type', 'extractor_type']),
];

type LabelValues = Readonly<Partial<Record<string, string | number>>>;

/** One exported number, as prom-client hands it to its own page. */
interface Value {
  /** Of histograms `le` alone, or nothing. */
  readonly labels: LabelValues;
  /** Of histograms: the labels all numbers of one child share, as one object. */
  readonly sharedLabels?: LabelValues;
  /** Of histograms: the name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
  value: number;
}

/** What became of one or more children of a family. */
interface Child {
  readonly sharedLabels: LabelValues;
  readonly sums: Value[];
}

interface Exported {
  readonly name: string;
  readonly help: string;
  readonly type: Family['type'];
  readonly values: Value[];
}

/** What the page asks of a metric. */
interface Source {
  get(): Promise<{ readonly values: readonly Value[] }>;
}

/**
 * Registers the twins. They hold nothing: a page's numbers are summed from their families' when it is rendered, so
 * requests pay nothing for them. `source` gives the metric of a family.
 */
export function registerLegacy(
  registry: Registry,
  source: (name: FamilyName) => Counter | Gauge | HistogramFamily | undefined,
): void {
  for (const family of LEGACY_FAMILIES) {
    const metric = source(family.of);
    if (metric === undefined) continue;
    // The registry asks for a name and `get`, though its types want one of its own classes.
    registry.registerMetric(twin(family, metric as unknown as Source) as unknown as Gauge);
  }
}

function twin(
  family: LegacyFamily,
  source: Source,
): { readonly name: string; readonly type: string; get(): Promise<Exported> } {
  const { name, of } = family;
  const { type, help: text } = FAMILIES[of];
  const help = `${HELP_PREFIX}[Deprecated: Use ${METRIC_PREFIX}${of}] ${text}`;
  return {
    name,
    type,
    async get() {
      const { values } = await source.get();
      return { name, help, type, values: summed(family, values) };
    },
  };
}

/**
 * The values under the twin's name and labels; children that are then alike become one, their sum. Children of a family
 * have the same numbers in the same order, so those are added by position.
 */
function summed(family: LegacyFamily, values: readonly Value[]): Value[] {
  const children = new Map<string, Child>();
  let given: LabelValues | undefined;
  let child: Child = { sharedLabels: {}, sums: [] };
  let position = 0;
  for (const { labels, sharedLabels, metricName, value } of values) {
    const own = sharedLabels ?? labels;
    if (own !== given) {
      given = own;
      position = 0;
      const kept = keptLabels(family, own);
      const key = JSON.stringify(Object.values(kept));
      child = children.get(key) ?? { sharedLabels: kept, sums: [] };
      children.set(key, child);
    }
    if (position < child.sums.length) child.sums[position].value += value;
    else {
      const bound = sharedLabels === undefined ? {} : labels;
      child.sums.push({
        labels: bound,
        sharedLabels: child.sharedLabels,
        metricName: renamed(family, metricName),
        value,
      });
    }
    position++;
  }
  return [...children.values()].flatMap(({ sums }) => sums);
}

function keptLabels({ labels, renamed: former }: LegacyFamily, given: LabelValues): LabelValues {
  const kept: Record<string, string | number> = {};
  for (const label of labels) kept[label] = given[former?.[label] ?? label] ?? '';
  return kept;
}

/** The twin's name with what a histogram's name ends in. */
function renamed({ name, of }: LegacyFamily, metricName: string | undefined): string {
  return metricName === undefined ? name : name + metricName.slice(METRIC_PREFIX.length + of.length);
}

function objective(name: string, of: FamilyName, labels: readonly string[]): LegacyFamily {
  return { name: `inference_objective_${name}`, of, labels };
}

function pool(name: string, of: FamilyName): LegacyFamily {
  return { name: `inference_pool_${name}`, of, labels: ['name'] };
}

function extension(of: FamilyName, labels: readonly string[]): LegacyFamily {
  return { name: `inference_extension_${of}`, of, labels };
}

function scheduler(of: FamilyName, labels: readonly string[]): LegacyFamily {
  return { name: `llm_d_inference_scheduler_${of}`, of, labels };
}
