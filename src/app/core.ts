import { randomUUID } from 'node:crypto';
import type { ResolvedConfig } from '../config/resolved.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { Objectives } from '../datastore/objectives.ts';
import { ModelRewrites } from '../datastore/rewrites.ts';
import { seededRandom } from '../lib/random.ts';
import { createDirector } from '../request/director.ts';
import type { Director } from '../request/exchange.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import { ScoreBoard } from '../scheduling/score-board.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { bindPluginDuration, pluginMeter } from '../telemetry/plugin-metrics.ts';
import { withRequestLog } from '../telemetry/request-log.ts';
import { RequestMetrics } from '../telemetry/request-metrics.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { systemClock, systemTimers } from './clock.ts';
import { createGeneration, type Generation, type GenerationParts } from './generation.ts';
import { systemHttpClient } from './http-client.ts';
import type { Instances } from './instances.ts';
import type { PickerSettings } from './settings.ts';

/** The part of a picker that decides: no ports, no threads, no files. */
export interface PickerCore {
  readonly table: EndpointTable;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  readonly director: Director;
  /** The configuration in force and its plugins. */
  readonly config: ResolvedConfig;
  readonly instances: Instances;
  /** Hears every decision; undefined for nobody. */
  decisionListener: DecisionListener | undefined;
  /**
   * Puts another configuration in force for every request that begins from now on. Plugins whose definition did not
   * change keep their state. Throws `ConfigError`, and changes nothing, when it cannot work.
   */
  apply(config: ResolvedConfig): void;
  /** Lets go of what plugins hold. */
  close(): void;
}

/** Wires table, plugins, scheduler and director. Throws `ConfigError` on a configuration that cannot work. */
export function buildCore(
  config: ResolvedConfig,
  settings: PickerSettings,
  metrics: Metrics,
  log: Logger,
  tracing?: Tracing,
): PickerCore {
  const table = new EndpointTable(allocateColumns());
  const objectives = new Objectives();
  const rewrites = new ModelRewrites();
  const parts: GenerationParts = {
    instances: {
      endpoints: table,
      clock: systemClock,
      timers: systemTimers,
      random: seededRandom(settings.seed),
      http: systemHttpClient,
      meter: (plugin) => pluginMeter(metrics, plugin),
    },
    scheduler: {
      clock: systemClock,
      timers: systemTimers,
      bindDuration: bindPluginDuration(metrics),
      minPicks: 1 + settings.fallbackEndpoints,
      decisionListener: (request) => tracing?.listener(request, core.decisionListener) ?? core.decisionListener,
      scores: settings.emitEndpointScores === true ? new ScoreBoard() : undefined,
      onProducerFault({ metricType, name }, error) {
        metrics.counter('plugin_faults_total').inc({ plugin_type: metricType, plugin_name: name });
        log.error({ err: error, plugin: name }, 'a producer failed; the request is scheduled with what there is');
      },
    },
  };
  let current: Generation = createGeneration(config, parts);
  table.listen({ added() {}, removed: ({ slot }) => current.instances.endpointRemoved(slot) });
  const director = createDirector({
    clock: systemClock,
    pool: table,
    plan: () => current.plan,
    objectives,
    rewrites,
    recorder: new RequestMetrics(metrics),
    newRequestId: randomUUID,
    obeySubset: settings.obeySubset,
  });
  const logged = withRequestLog(director, log, systemClock);
  const core: PickerCore = {
    table,
    objectives,
    rewrites,
    director: tracing?.wrap(logged, table) ?? logged,
    get config() {
      return current.config;
    },
    get instances() {
      return current.instances;
    },
    decisionListener: undefined,
    apply(next) {
      const before = current;
      current = createGeneration(next, parts, before);
      before.instances.closeBefore(current.instances);
    },
    close: () => current.instances.closeBefore(undefined),
  };
  return core;
}
