import type { Plugin, PluginMeter, StageDecision } from '../core/plugin.ts';
import type { BindDuration } from '../scheduling/profile.ts';
import type { Metrics } from './metrics.ts';

/** Binds the duration histogram of a plugin at one extension point. */
export function bindPluginDuration(metrics: Metrics): BindDuration {
  const family = metrics.histogram('plugin_duration_seconds');
  return (extensionPoint, { metricType, name }) => {
    const child = family.labels({ extension_point: extensionPoint, plugin_type: metricType, plugin_name: name });
    return (seconds) => child.observe(seconds);
  };
}

/** What a plugin instance reports its own numbers through; children are made on first use. */
export function pluginMeter(metrics: Metrics, { type, name }: Pick<Plugin, 'type' | 'name'>): PluginMeter {
  const labels = { plugin_name: name, plugin_type: type };
  const decided = (family: 'disagg_decision_total' | 'pd_decision_total', model: string, decision: StageDecision) => {
    const model_name = metrics.models.of(model === '' ? 'unknown' : model);
    metrics.counter(family).inc({ ...labels, model_name, decision_type: decision });
  };
  return {
    prefixIndexSize: (blocks) => metrics.gauge('prefix_indexer_size').set(labels, blocks),
    prefixHit(ratio, bytes) {
      metrics.histogram('prefix_indexer_hit_ratio').observe(labels, ratio);
      metrics.histogram('prefix_indexer_hit_bytes').observe(labels, bytes);
    },
    disaggDecision: (model, decision) => decided('disagg_decision_total', model, decision),
    pdDecision: (model, decision) => decided('pd_decision_total', model, decision),
    stageFailed: (stage) => metrics.counter('disagg_stage_failures_total').inc({ ...labels, stage }),
  };
}
