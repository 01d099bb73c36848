import { randomUUID } from 'node:crypto';
import type { ResolvedConfig } from '../config/resolved.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { Objectives } from '../datastore/objectives.ts';
import { ModelRewrites } from '../datastore/rewrites.ts';
import { seededRandom } from '../lib/random.ts';
import { createDirector } from '../request/director.ts';
import type { Director } from '../request/exchange.ts';
import { ParserChoice } from '../request/parser-choice.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import { Scheduler } from '../scheduling/scheduler.ts';
import { ScoreBoard } from '../scheduling/score-board.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { bindPluginDuration, pluginMeter } from '../telemetry/plugin-metrics.ts';
import { withRequestLog } from '../telemetry/request-log.ts';
import { RequestMetrics } from '../telemetry/request-metrics.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { systemClock } from './clock.ts';
import { Instances, schedulerPlan } from './instances.ts';
import type { PickerSettings } from './settings.ts';

/** The part of a picker that decides: no ports, no threads, no files. */
export interface PickerCore {
  readonly table: EndpointTable;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  readonly instances: Instances;
  readonly director: Director;
  /** Hears every decision; undefined for nobody. */
  decisionListener: DecisionListener | undefined;
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
  const instances = new Instances(config, {
    endpoints: table,
    clock: systemClock,
    random: seededRandom(settings.seed),
    meter: (plugin) => pluginMeter(metrics, plugin),
  });
  for (const { instance } of instances.all) {
    if (instance.onEndpointRemoved === undefined) continue;
    const forget = instance.onEndpointRemoved.bind(instance);
    table.listen({ added() {}, removed: ({ slot }) => forget(slot) });
  }
  const recorder = new RequestMetrics(metrics);
  table.listen(recorder.attempts);
  const scores = settings.emitEndpointScores === true ? new ScoreBoard() : undefined;
  const scheduler = new Scheduler(
    schedulerPlan(config, instances),
    {
      clock: systemClock,
      bindDuration: bindPluginDuration(metrics),
      minPicks: 1 + settings.fallbackEndpoints,
      decisionListener: (request) => tracing?.listener(request, core.decisionListener) ?? core.decisionListener,
      scores,
    },
    ({ name, type }, error) => {
      metrics.counter('plugin_faults_total').inc({ plugin_type: type, plugin_name: name });
      log.error({ err: error, plugin: name }, 'a producer failed; the request is scheduled without its data');
    },
  );
  const director = createDirector({
    clock: systemClock,
    pool: table,
    parsers: new ParserChoice(config.parsers.map((name) => instances.get('parser', name).instance)),
    objectives,
    rewrites,
    saturation:
      config.saturationDetector === undefined
        ? undefined
        : instances.get('saturation-detector', config.saturationDetector).instance,
    scheduler,
    scores,
    recorder,
    newRequestId: randomUUID,
    obeySubset: settings.obeySubset,
  });
  const logged = withRequestLog(director, log, systemClock);
  const core: PickerCore = {
    table,
    objectives,
    rewrites,
    instances,
    director: tracing?.wrap(logged, table) ?? logged,
    decisionListener: undefined,
  };
  return core;
}
