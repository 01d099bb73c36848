import { addHealthService } from '../admin/health.ts';
import { endpointStates } from '../admin/endpoints-page.ts';
import { type AdminServer, type Page, startAdminServer } from '../admin/http.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import { readCertificate, selfSignedCertificate } from '../ext-proc/certificate.ts';
import { createGrpcServer } from '../ext-proc/grpc-server.ts';
import { type Listener, listen } from '../ext-proc/listener.ts';
import { addExternalProcessor } from '../ext-proc/service.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import type { Logger } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { PoolMetrics } from '../telemetry/pool-metrics.ts';
import { systemClock } from './clock.ts';
import { buildCore, type PickerCore } from './core.ts';
import { startDiscovery, startScrapers } from './facts.ts';
import type { PickerSettings } from './settings.ts';
import { COMMIT, VERSION } from './version.ts';

/** Streams get this long to end after the drain window, then they are cut off. */
const GRACE_MS = 5_000;

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

/** Parts that are stopped in the reverse order of their start. */
interface Started {
  stop(): void | Promise<void>;
}

/**
 * Starts a picker: endpoints, scraping, then the ports. Rejects with `ConfigError` when it cannot, leaving nothing
 * running.
 */
export async function startPicker(
  config: ResolvedConfig,
  settings: PickerSettings,
  log: Logger,
): Promise<RunningPicker> {
  const metrics = new Metrics({ processMetrics: true });
  metrics.gauge('info').set({ commit: COMMIT, build_ref: VERSION }, 1);
  const core = buildCore(config, settings, metrics, log);
  const facts = { config, instances: core.instances, table: core.table, settings, metrics, log };
  const started: Started[] = [];
  const keep = <T extends Started>(part: T): T => {
    started.push(part);
    return part;
  };
  try {
    const discovery: DiscoverySource = await startDiscovery(facts);
    keep({ stop: () => discovery.close() });
    for (const scraper of startScrapers(facts)) keep({ stop: () => scraper.close() });
    keep(refreshPoolGauges(metrics, core, settings));
    const readiness = { draining: false };
    const ready = (): boolean => !readiness.draining;
    const metricsServer = await startMetricsPort(settings, metrics, core, log);
    keep({ stop: () => metricsServer.close() });
    const health = await startHealthPort(settings, ready, log);
    keep({ stop: () => health.close() });
    const listener = await startGrpcPort(settings, core, ready, log);
    return {
      grpcPort: listener.port,
      healthPort: health.port,
      metricsPort: metricsServer.port,
      table: core.table,
      onDecision(decisionListener) {
        core.decisionListener = decisionListener;
      },
      async stop(hurry) {
        readiness.draining = true;
        if (settings.drainTimeoutMs > 0) await windowOf(settings.drainTimeoutMs, hurry);
        await listener.close(hurry?.aborted === true ? 0 : GRACE_MS);
        await stopAll(started);
      },
    };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

async function startGrpcPort(
  settings: PickerSettings,
  core: PickerCore,
  ready: () => boolean,
  log: Logger,
): Promise<Listener> {
  const { maxReceiveBytes, maxSendBytes } = settings;
  const server = createGrpcServer({ maxReceiveBytes, maxSendBytes });
  addExternalProcessor(server, { director: core.director, log });
  if (settings.healthOnGrpcPort) addHealthService(server, { ready });
  const tls = settings.secure ? await certificate(settings.certPath) : undefined;
  return listen({ server, host: settings.host, port: settings.grpcPort, tls, log });
}

async function startHealthPort(settings: PickerSettings, ready: () => boolean, log: Logger): Promise<Listener> {
  const server = createGrpcServer();
  addHealthService(server, { ready });
  return listen({ server, host: settings.host, port: settings.healthPort, log });
}

function startMetricsPort(
  settings: PickerSettings,
  metrics: Metrics,
  core: PickerCore,
  log: Logger,
): Promise<AdminServer> {
  const pages = new Map<string, Page>([
    ['/metrics', { contentType: metrics.registry.contentType, render: () => metrics.registry.metrics() }],
    [
      '/debug/endpoints',
      {
        contentType: 'application/json',
        render: () => JSON.stringify(endpointStates(core.table, systemClock.nowMs()), undefined, 2),
      },
    ],
  ]);
  return startAdminServer({
    host: settings.host,
    port: settings.metricsPort,
    pages,
    onError: (path, error) => log.error({ err: error, path }, 'an admin page could not be rendered'),
  });
}

function refreshPoolGauges(metrics: Metrics, core: PickerCore, settings: PickerSettings): Started {
  const { poolName, metricsStalenessThresholdMs: stalenessThresholdMs } = settings;
  const gauges = new PoolMetrics(metrics, core.table, systemClock, { poolName, stalenessThresholdMs });
  gauges.refresh();
  const timer = setInterval(() => gauges.refresh(), settings.refreshPoolGaugesIntervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function certificate(certPath: string | undefined): Promise<{ cert: string | Buffer; key: string | Buffer }> {
  return certPath === undefined ? selfSignedCertificate() : readCertificate(certPath);
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
