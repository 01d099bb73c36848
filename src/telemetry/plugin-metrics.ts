import type { Gauge } from 'prom-client';
import type { InflightShare, Plugin, PluginMeter, StageDecision } from '../core/plugin.ts';
import type { BindDuration } from '../scheduling/profile.ts';
import { LabelLimit } from './label-limit.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Every kind of media there is. */
const MODALITIES = ['image', 'video', 'audio'] as const;

/** Binds the duration histogram of a plugin at one extension point. */
export function bindPluginDuration(metrics: Metrics): BindDuration {
  const family = metrics.histogram('plugin_duration_seconds');
  return (extensionPoint, { metricType, name }) => {
    const child = family.labels({ extension_point: extensionPoint, plugin_type: metricType, plugin_name: name });
    return (seconds) => child.observe(seconds);
  };
}

/** What a plugin instance reports its own numbers through; children are made on first use. */
export function pluginMeter(
  metrics: Metrics,
  { type, name }: Pick<Plugin, 'type' | 'name'>,
  log?: Pick<Logger, 'error'>,
): PluginMeter {
  const labels = { plugin_name: name, plugin_type: type };
  const decided = (family: 'disagg_decision_total' | 'pd_decision_total', model: string, decision: StageDecision) => {
    const model_name = metrics.models.of(model === '' ? 'unknown' : model);
    metrics.counter(family).inc({ ...labels, model_name, decision_type: decision });
  };
  let faulty = false;
  const mediaLabels = { plugin_type: type, plugin_name: name };
  const fairnessIds = new LabelLimit();
  const prefixRatio = onFirstUse(() => metrics.histogram('prefix_indexer_hit_ratio').labels(labels));
  const mediaRatio = onFirstUse(() => metrics.histogram('encoder_cache_hit_ratio').labels(mediaLabels));
  const prefixBytes = onFirstUse(() => metrics.histogram('prefix_indexer_hit_bytes').labels(labels));
  return {
    prefixIndexSize: (blocks) => metrics.onRead('prefix_indexer_size', (gauge) => gauge.set(labels, blocks())),
    prefixHit(ratio, bytes) {
      prefixRatio().observe(ratio);
      prefixBytes().observe(bytes);
    },
    renderFallback: () => metrics.counter('render_fallbacks_total').inc(labels),
    inflight(shares) {
      const sum = (gauge: Gauge, amountOf: (share: InflightShare) => number): void =>
        fillByFlow(gauge, name, fairnessIds, shares(), amountOf);
      const forgetRequests = metrics.onRead('inflight_requests', (gauge) => sum(gauge, () => 1));
      const forgetTokens = metrics.onRead('inflight_tokens', (gauge) => sum(gauge, ({ tokens }) => tokens));
      return () => {
        forgetRequests();
        forgetTokens();
      };
    },
    mediaLookedUp(modality, holders) {
      metrics.counter('encoder_cache_queries_total').inc({ ...mediaLabels, modality });
      for (const { id } of holders)
        metrics.counter('encoder_cache_hits_total').inc({ ...mediaLabels, pod: id, modality });
    },
    mediaHit: (ratio) => mediaRatio().observe(ratio),
    mediaEndpointGone({ id }) {
      const hits = metrics.counter('encoder_cache_hits_total');
      for (const modality of MODALITIES) hits.remove({ ...mediaLabels, pod: id, modality });
    },
    disaggDecision: (model, decision) => decided('disagg_decision_total', model, decision),
    pdDecision: (model, decision) => decided('pd_decision_total', model, decision),
    stageFailed: (stage) => metrics.counter('disagg_stage_failures_total').inc({ ...labels, stage }),
    sessionBindings: (sessions) => metrics.gauge('session_bindings').set(labels, sessions),
    fault(error) {
      metrics.counter('plugin_faults_total').inc(labels);
      if (!faulty)
        log?.error({ err: error, plugin: name }, 'a plugin failed for a request; more of that is only counted');
      faulty = true;
    },
  };
}

interface FlowSum {
  readonly share: InflightShare;
  readonly fairnessId: string;
  sum: number;
}

/** One child for each endpoint, flow and priority with anything in flight. */
function fillByFlow(
  gauge: Gauge,
  producer: string,
  fairnessIds: LabelLimit,
  shares: Iterable<InflightShare>,
  amountOf: (share: InflightShare) => number,
): void {
  const sums = new Map<string, FlowSum>();
  for (const share of shares) {
    const fairnessId = fairnessIds.of(share.fairnessId);
    const key = `${share.endpoint.slot} ${share.endpoint.generation} ${share.priority} ${fairnessId}`;
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { share, fairnessId, sum: amountOf(share) });
    else known.sum += amountOf(share);
  }
  for (const { share, fairnessId, sum } of sums.values()) {
    const { endpoint, priority } = share;
    const labels = { endpoint_name: endpoint.name, namespace: endpoint.namespace, producer_name: producer };
    gauge.set({ ...labels, fairness_id: fairnessId, priority }, sum);
  }
}

function onFirstUse<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
