import type { Plugin, PluginMeter } from '../core/plugin.ts';
import type { BindDuration } from '../scheduling/profile.ts';
import type { Logger } from './log.ts';
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
export function pluginMeter(
  metrics: Metrics,
  { type, name }: Pick<Plugin, 'type' | 'name'>,
  log?: Pick<Logger, 'error'>,
): PluginMeter {
  const labels = { plugin_name: name, plugin_type: type };
  let faulty = false;
  return {
    prefixIndexSize: (blocks) => metrics.gauge('prefix_indexer_size').set(labels, blocks),
    prefixHit(ratio, bytes) {
      metrics.histogram('prefix_indexer_hit_ratio').observe(labels, ratio);
      metrics.histogram('prefix_indexer_hit_bytes').observe(labels, bytes);
    },
    sessionBindings: (sessions) => metrics.gauge('session_bindings').set(labels, sessions),
    fault(error) {
      metrics.counter('plugin_faults_total').inc(labels);
      if (!faulty)
        log?.error({ err: error, plugin: name }, 'a plugin failed for a request; more of that is only counted');
      faulty = true;
    },
  };
}
