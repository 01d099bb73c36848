import type { EndpointView } from '../../src/core/endpoint.ts';
import type { Hooks } from '../../src/core/hooks.ts';
import type { PluginKind } from '../../src/core/kinds.ts';
import type { Plugin, PluginDefinition } from '../../src/core/plugin.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { approxPrefixCacheProducer } from '../../src/plugins/producers/approx-prefix-cache.ts';
import { tokenProducer } from '../../src/plugins/producers/token-producer.ts';
import { maxScorePicker } from '../../src/plugins/pickers/max-score.ts';
import { singleProfileHandler } from '../../src/plugins/profile-handlers/single-profile.ts';
import { kvCacheUtilizationScorer } from '../../src/plugins/scorers/kv-cache-utilization.ts';
import { prefixCacheScorer } from '../../src/plugins/scorers/prefix-cache.ts';
import { queueScorer } from '../../src/plugins/scorers/queue.ts';
import type { DecisionListener } from '../../src/scheduling/decision.ts';
import { Scheduler } from '../../src/scheduling/scheduler.ts';
import { manualClock, manualTimers } from './clock.ts';
import { create, pluginContext } from './plugins.ts';

/** The built-in default profile (queue 2, KV 2, prefix 3) over a pool. */
export function defaultScheduler(
  endpoints: EndpointView,
  options: { fallbacks?: number; listener?: DecisionListener } = {},
): Scheduler {
  const board = new DataBoard();
  const plugin = <K extends PluginKind>(definition: PluginDefinition<K>): Plugin<K> => {
    const { type, kind } = definition;
    const context = pluginContext({ name: type, endpoints }, board);
    return { name: type, type, metricType: type, kind, instance: create(definition, {}, context) };
  };
  const scorers = [
    { plugin: plugin(queueScorer), weight: 2 },
    { plugin: plugin(kvCacheUtilizationScorer), weight: 2 },
    { plugin: plugin(prefixCacheScorer), weight: 3 },
  ];
  const producers = [plugin(tokenProducer), plugin(approxPrefixCacheProducer)];
  const picker = plugin(maxScorePicker);
  const handler = plugin(singleProfileHandler);
  const plugins = [...scorers.map((scorer) => scorer.plugin), ...producers, picker, handler] as readonly (Plugin & {
    instance: Hooks;
  })[];
  return new Scheduler(
    { producers, handler, profiles: [{ name: 'default', filters: [], scorers, picker }], plugins },
    {
      clock: manualClock(),
      bindDuration: () => () => {},
      minPicks: 1 + (options.fallbacks ?? 0),
      decisionListener: () => options.listener,
      timers: manualTimers(),
      onProducerFault(_plugin, error) {
        throw error;
      },
    },
  );
}
