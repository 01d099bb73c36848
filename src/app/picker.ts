import type { ResolvedConfig } from '../config/resolved.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import type { Logger } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { PoolMetrics } from '../telemetry/pool-metrics.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { systemClock } from './clock.ts';
import { joinCluster } from './cluster.ts';
import { followConfig } from './config-reload.ts';
import { buildCore, type PickerCore } from './core.ts';
import { type FactParts, startDiscovery, startObjects } from './facts.ts';
import { connectKubernetes, type KubernetesConnection } from './kubernetes.ts';
import { type Started, startGrpcPort, startHealthPort, startMetricsPort } from './ports.ts';
import { Readiness } from './readiness.ts';
import { Scrapers } from './scrapers.ts';
import type { PickerSettings } from './settings.ts';
import { watchVitals } from './vitals.ts';
import { COMMIT, VERSION } from './version.ts';
import { warmUp } from './warm-up/warm-up.ts';

/** Streams get this long to end after the drain window where nobody says how long. */
const STREAM_DRAIN_MS = 5_000;
/** How often it is looked whether metrics grow old or stand still. */
const TRUST_LOOK_MS = 250;

/** A picker that serves. */
export interface RunningPicker {
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly metricsPort: number;
  readonly table: EndpointTable;
  /** Hears every decision from now on; it must be quick and must not throw. */
  onDecision(listener: DecisionListener | undefined): void;
  /**
   * Stops in order: not ready at once, then `drainTimeoutMs` of serving as before (a gateway that has not noticed yet
   * loses nothing), then no new streams and a bounded wait for the open ones. `hurry` ends the window early.
   */
  stop(hurry?: AbortSignal): Promise<void>;
}

/**
 * Starts a picker: endpoints, scraping, then the ports. Rejects with `ConfigError` when it cannot, leaving nothing
 * running.
 */
export async function startPicker(
  config: ResolvedConfig,
  settings: PickerSettings,
  log: Logger,
  tracing?: Tracing,
): Promise<RunningPicker> {
  const { streamMetrics, legacyMetrics = true } = settings;
  const metrics = new Metrics({ processMetrics: true, streamMetrics, legacyMetrics });
  metrics.gauge('info').set({ commit: COMMIT, build_ref: VERSION }, 1);
  const core = buildCore(config, settings, metrics, log, tracing);
  const facts = { config, instances: core.instances, table: core.table, settings, metrics, log };
  const started: Started[] = [{ stop: () => core.close() }];
  const keep = <T extends Started>(part: T): T => {
    started.push(part);
    return part;
  };
  try {
    const readiness = new Readiness(log);
    const kubernetes = config.discovery === undefined ? keepClient(await connectKubernetes(settings), keep) : undefined;
    const cluster = kubernetes && joinCluster(kubernetes, { ...facts, core, readiness, keep });
    if (cluster === undefined) await fillFromFile(facts, core, keep);
    if (settings.objectsFile !== undefined) await readObjects(settings.objectsFile, facts, core, keep);
    const scrapers = new Scrapers({ ...facts, trust: core.trust });
    keep({ stop: () => scrapers.close() });
    scrapers.follow(config, core.instances);
    if (settings.configFile !== undefined) {
      const reload = await followConfig({
        ...settings.configFile,
        running: () => core.config,
        apply(next) {
          core.apply(next, (instances) => scrapers.follow(next, instances));
          readiness.refresh();
        },
        refused: (lines) => cluster?.refused(lines),
        metrics,
        log,
      });
      keep({ stop: () => reload.close() });
    }
    keep(watchVitals(metrics, log));
    keep(every(TRUST_LOOK_MS, () => core.trust.look()));
    keep(refreshPoolGauges(metrics, core, settings));
    let draining = false;
    readiness.require('draining', () => (draining ? 'the picker was told to stop' : undefined));
    readiness.require('plugins', () => (core.instances.ready ? undefined : 'a plugin is not ready'));
    const ready = (): boolean => readiness.isReady();
    const health = (): object => ({ ready: ready(), conditions: readiness.explain(), ...cluster?.explain() });
    const { leadership, authorize } = cluster ?? { leadership: undefined, authorize: undefined };
    const electsLeader = leadership !== undefined;
    await rehearse(settings, log);
    const parts = { settings, metrics, core, ready, health, electsLeader, authorize, log, keep };
    const metricsServer = await startMetricsPort(parts);
    const healthPort = await startHealthPort(parts);
    keep({ stop: () => healthPort.close() });
    const listener = await startGrpcPort(parts);
    readiness.refresh();
    leadership?.stand();
    return {
      grpcPort: listener.port,
      healthPort: healthPort.port,
      metricsPort: metricsServer.port,
      table: core.table,
      onDecision(decisionListener) {
        core.decisionListener = decisionListener;
      },
      async stop(hurry) {
        draining = true;
        // Another replica can take over while this one still serves those who have not noticed.
        const released = leadership?.stepDown();
        if (settings.drainTimeoutMs > 0) await windowOf(settings.drainTimeoutMs, hurry);
        await released;
        await listener.close(hurry?.aborted === true ? 0 : (settings.streamDrainTimeoutMs ?? STREAM_DRAIN_MS));
        await stopAll(started);
      },
    };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

/** A picker that could not warm up serves all the same. */
async function rehearse(settings: PickerSettings, log: Logger): Promise<void> {
  const { warmUpMs = 0 } = settings;
  if (warmUpMs === 0) return;
  try {
    log.debug({ warmUpMs, requests: await warmUp(settings, warmUpMs, systemClock) }, 'warmed up');
  } catch (error) {
    log.warn({ err: error }, 'could not warm up; the first requests will be slower');
  }
}

/** Resolves when the table holds what the discovery plugin of the configuration found. */
async function fillFromFile(facts: FactParts, core: PickerCore, keep: (part: Started) => void): Promise<void> {
  const files = await startDiscovery(facts);
  keep({ stop: () => files.close() });
  core.poolFilled();
}

/** Resolves when the objectives and rewrites of the file are in force. */
async function readObjects(
  path: string,
  { settings, metrics, log }: FactParts,
  { objectives, rewrites }: PickerCore,
  keep: (part: Started) => void,
): Promise<void> {
  const objects = await startObjects({ path, poolName: settings.poolName, objectives, rewrites, metrics, log });
  keep({ stop: () => objects.close() });
}

function keepClient(kubernetes: KubernetesConnection, keep: (part: Started) => void): KubernetesConnection {
  keep({ stop: () => kubernetes.client.close() });
  return kubernetes;
}

function refreshPoolGauges(metrics: Metrics, core: PickerCore, settings: PickerSettings): Started {
  const { poolName, metricsStalenessThresholdMs: stalenessThresholdMs } = settings;
  const gauges = new PoolMetrics(metrics, core.table, core.health, systemClock, { poolName, stalenessThresholdMs });
  gauges.refresh();
  return every(settings.refreshPoolGaugesIntervalMs, () => gauges.refresh());
}

function every(intervalMs: number, work: () => void): Started {
  const timer = setInterval(work, intervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Resolves after `ms`, or as soon as `hurry` says so. */
function windowOf(ms: number, hurry: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (hurry?.aborted === true) return resolve();
    const timer = setTimeout(resolve, ms);
    hurry?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

async function stopAll(started: Started[]): Promise<void> {
  for (const part of started.toReversed()) await part.stop();
}
