import { randomUUID } from 'node:crypto';
import type { ResolvedConfig } from '../config/resolved.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { seededRandom } from '../lib/random.ts';
import { createDirector } from '../request/director.ts';
import type { Director } from '../request/exchange.ts';
import { ParserChoice } from '../request/parser-choice.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import { Scheduler } from '../scheduling/scheduler.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { bindPluginDuration, pluginMeter } from '../telemetry/plugin-metrics.ts';
import { withRequestLog } from '../telemetry/request-log.ts';
import { RequestMetrics } from '../telemetry/request-metrics.ts';
import { systemClock } from './clock.ts';
import { Instances, schedulerPlan } from './instances.ts';
import type { PickerSettings } from './settings.ts';

/** The part of a picker that decides: no ports, no threads, no files. */
export interface PickerCore {
  readonly table: EndpointTable;
  readonly instances: Instances;
  readonly director: Director;
  /** Hears every decision; undefined for nobody. */
  decisionListener: DecisionListener | undefined;
}

/** Wires table, plugins, scheduler and director. Throws `ConfigError` on a configuration that cannot work. */
export function buildCore(config: ResolvedConfig, settings: PickerSettings, metrics: Metrics, log: Logger): PickerCore {
  const table = new EndpointTable(allocateColumns());
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
  const scheduler = new Scheduler(
    schedulerPlan(config, instances),
    {
      clock: systemClock,
      bindDuration: bindPluginDuration(metrics),
      minPicks: 1 + settings.fallbackEndpoints,
      decisionListener: () => core.decisionListener,
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
    scheduler,
    recorder: new RequestMetrics(metrics),
    newRequestId: randomUUID,
    obeySubset: settings.obeySubset,
  });
  const core: PickerCore = {
    table,
    instances,
    director: withRequestLog(director, log, systemClock),
    decisionListener: undefined,
  };
  return core;
}
