import { randomUUID } from 'node:crypto';
import type { ResolvedConfig } from '../config/resolved.ts';
import type { Random } from '../core/random.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { HealthBook } from '../datastore/health-book.ts';
import type { MetricsTrust } from '../datastore/metrics-trust.ts';
import { Objectives } from '../datastore/objectives.ts';
import { ModelRewrites } from '../datastore/rewrites.ts';
import { seededRandom } from '../lib/random.ts';
import { createDirector } from '../request/director.ts';
import type { Director } from '../request/exchange.ts';
import type { RequestRecorder } from '../request/recorder.ts';
import { dialectOf, priorityOf, type RequestHeadReader } from '../request/request-head.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import { FallbackSpread } from '../scheduling/fallback-spread.ts';
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
import { createPool, type PickerPool } from './pool.ts';
import type { PickerSettings } from './settings.ts';

/** The part of a picker that decides: no ports, no threads, no files. */
export interface PickerCore {
  readonly table: EndpointTable;
  readonly health: HealthBook;
  readonly trust: MetricsTrust;
  /** The first load is over: endpoints that come from now on are new, and begin slowly. */
  poolFilled(): void;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  readonly director: Director;
  /** What requests tell by their headers, under the configuration in force. */
  readonly heads: RequestHeadReader;
  readonly recorder: RequestRecorder;
  /** The configuration in force and its plugins. */
  readonly config: ResolvedConfig;
  readonly instances: Instances;
  /** Hears every decision; undefined for nobody. */
  decisionListener: DecisionListener | undefined;
  /**
   * Puts another configuration in force for every request that begins from now on. Plugins whose definition did not
   * change keep their state. `join` is given the plugins last, before anything changes, and may refuse them. Throws
   * `ConfigError`, and changes nothing, when it cannot work.
   */
  apply(config: ResolvedConfig, join?: (instances: Instances) => void): void;
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
  const random = seededRandom(settings.seed);
  const pool = createPool({ ...config, ...settings }, random, metrics, log);
  const { table, health, trust } = pool;
  const objectives = new Objectives();
  const rewrites = new ModelRewrites();
  const parts = generationParts({
    pool,
    random,
    settings,
    metrics,
    log,
    listener: (request) => tracing?.listener(request, core.decisionListener) ?? core.decisionListener,
  });
  let current: Generation = createGeneration(config, parts);
  table.listen({ added() {}, removed: ({ slot }) => current.instances.endpointRemoved(slot) });
  const recorder = new RequestMetrics(metrics);
  table.listen(recorder.attempts);
  const director = createDirector({
    clock: systemClock,
    pool: table,
    health,
    plan: () => current.plan,
    objectives,
    rewrites,
    recorder,
    newRequestId: randomUUID,
    obeySubset: settings.obeySubset,
  });
  const logged = withRequestLog(director, log, systemClock);
  const core: PickerCore = {
    table,
    health,
    trust,
    poolFilled: () => pool.filled(),
    objectives,
    rewrites,
    director: tracing?.wrap(logged, table) ?? logged,
    heads: {
      priorityOf: (headers) => priorityOf(headers, objectives),
      dialectOf: (headers) => dialectOf(headers, current.plan.parsers),
    },
    recorder,
    get config() {
      return current.config;
    },
    get instances() {
      return current.instances;
    },
    decisionListener: undefined,
    apply(next, join) {
      const before = current;
      const after = createGeneration(next, parts, before);
      try {
        join?.(after.instances);
      } catch (error) {
        after.instances.closeNew();
        throw error;
      }
      current = after;
      health.configure(next.health);
      trust.configure(next.metricsTrust);
      before.instances.closeBefore(current.instances);
    },
    close: () => current.instances.closeBefore(undefined),
  };
  return core;
}

interface Surroundings {
  readonly pool: PickerPool;
  readonly random: Random;
  readonly settings: PickerSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly listener: (request: InferenceRequest) => DecisionListener | undefined;
}

/** What every configuration of this picker is put to work with. */
function generationParts({ pool, random, settings, metrics, log, listener }: Surroundings): GenerationParts {
  const { table, health, trust } = pool;
  return {
    instances: {
      endpoints: table,
      clock: systemClock,
      timers: systemTimers,
      random,
      http: systemHttpClient,
      answerDeadlineMs: settings.answerDeadlineMs,
      meter: (plugin) => pluginMeter(metrics, plugin, log),
      debug: (plugin, message) => log.debug({ plugin }, message),
    },
    scheduler: {
      clock: systemClock,
      timers: systemTimers,
      answerDeadlineMs: settings.answerDeadlineMs,
      bindDuration: bindPluginDuration(metrics),
      minPicks: 1 + settings.fallbackEndpoints,
      health,
      trials: trust,
      spread: new FallbackSpread(table),
      decisionListener: listener,
      scores: settings.emitEndpointScores === true ? new ScoreBoard() : undefined,
      onProducerFault({ metricType, name }, error) {
        metrics.counter('plugin_faults_total').inc({ plugin_type: metricType, plugin_name: name });
        log.error({ err: error, plugin: name }, 'a producer failed; the request is scheduled with what there is');
      },
    },
  };
}
