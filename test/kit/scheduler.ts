import * as v from 'valibot';
import type { EndpointView } from '../../src/core/endpoint.ts';
import type { PluginKind } from '../../src/core/kinds.ts';
import { hasRole, type Plugin, type PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { maxScorePicker } from '../../src/plugins/pickers/max-score.ts';
import { singleProfileHandler } from '../../src/plugins/profile-handlers/single-profile.ts';
import { kvCacheUtilizationScorer } from '../../src/plugins/scorers/kv-cache-utilization.ts';
import { prefixCacheScorer } from '../../src/plugins/scorers/prefix-cache.ts';
import { queueScorer } from '../../src/plugins/scorers/queue.ts';
import type { DecisionListener } from '../../src/scheduling/decision.ts';
import { FallbackSpread } from '../../src/scheduling/fallback-spread.ts';
import type { Trials } from '../../src/scheduling/profile.ts';
import { Scheduler } from '../../src/scheduling/scheduler.ts';
import { manualClock, manualTimers } from './clock.ts';
import { inRole, pluginContext } from './plugins.ts';
import { SAMPLE_PARAMETERS } from './sample-parameters.ts';
import { type Said, stock } from './stock.ts';

/** What a profile is made of; plugins that cannot do without parameters get sample ones. */
export interface ProfileParts {
  readonly filters?: readonly PluginDefinition[];
  readonly scorers: readonly { readonly plugin: PluginDefinition; readonly weight: number }[];
  readonly fallbacks?: number | undefined;
  readonly listener?: DecisionListener | undefined;
  readonly trials?: Trials | undefined;
  /** What is said of every request before producers have their say: what no plugin of one profile can know. */
  readonly said?: Said;
}

/** The built-in default profile. */
export const DEFAULT_PROFILE: ProfileParts = {
  scorers: [
    { plugin: queueScorer, weight: 2 },
    { plugin: kvCacheUtilizationScorer, weight: 2 },
    { plugin: prefixCacheScorer, weight: 3 },
  ],
};

/** The built-in default profile over a pool. */
export function defaultScheduler(
  endpoints: EndpointView,
  options: Pick<ProfileParts, 'fallbacks' | 'listener' | 'trials'> = {},
): Scheduler {
  return schedulerOf(endpoints, { ...DEFAULT_PROFILE, ...options });
}

/** A scheduler of one profile, with the default producers of what its plugins need. */
export function schedulerOf(endpoints: EndpointView, parts: ProfileParts): Scheduler {
  const { board, tell } = stock(endpoints);
  const made = new Map<string, Plugin>();
  const sayer: Plugin<'producer'> = {
    name: 'sayer',
    type: 'sayer',
    metricType: 'sayer',
    kind: 'producer',
    instance: { produce: (request) => void tell(request, parts.said ?? {}) },
  };
  const producers = [sayer];
  const make = <K extends PluginKind>(definition: PluginDefinition<K>): Plugin<K> => {
    const { type, kind, metricType = type } = definition;
    const parameters = v.parse(definition.config, SAMPLE_PARAMETERS[type] ?? {});
    for (const key of definition.consumes?.(parameters) ?? []) {
      const supplier = PLUGINS.find((each) => each.type === key.type.defaultProducer);
      if (supplier === undefined || made.has(supplier.type)) continue;
      if (hasRole(supplier, 'producer')) producers.push(make(inRole(supplier, 'producer')));
      else make(supplier);
    }
    const plugin = made.get(type) ?? {
      name: type,
      type,
      metricType,
      kind,
      instance: definition.create(parameters, pluginContext({ name: type, endpoints }, board)),
    };
    made.set(type, plugin);
    return plugin as Plugin<K>;
  };
  const profile = {
    name: 'default',
    filters: (parts.filters ?? []).map((filter) => make(inRole(filter, 'filter'))),
    scorers: parts.scorers.map(({ plugin, weight }) => ({ plugin: make(inRole(plugin, 'scorer')), weight })),
    picker: make(maxScorePicker),
  };
  const handler = make(singleProfileHandler);
  return new Scheduler(
    { producers, handler, profiles: [profile], plugins: [...made.values()] },
    {
      clock: manualClock(),
      bindDuration: () => () => {},
      minPicks: 1 + (parts.fallbacks ?? 0),
      spread: new FallbackSpread(endpoints),
      trials: parts.trials,
      decisionListener: () => parts.listener,
      timers: manualTimers(),
      answerDeadlineMs: 1000,
      onProducerFault(_plugin, error) {
        throw error;
      },
    },
  );
}
