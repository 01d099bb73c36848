import type { Authorize } from '../admin/access.ts';
import { endpointStates } from '../admin/endpoints-page.ts';
import { addHealthService } from '../admin/health.ts';
import { type AdminServer, type Page, startAdminServer } from '../admin/http.ts';
import { createGrpcServer } from '../ext-proc/grpc-server.ts';
import { IdleWatch } from '../ext-proc/idle-watch.ts';
import { type Listener, listen } from '../ext-proc/listener.ts';
import { externalProcessor } from '../ext-proc/service.ts';
import { EXT_PROC_PROCESS_PATH } from '../protos/ext-proc.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { StreamMetrics } from '../telemetry/stream-metrics.ts';
import { createCapacity } from './capacity.ts';
import { systemClock, systemTimers } from './clock.ts';
import type { PickerCore } from './core.ts';
import type { PickerSettings } from './settings.ts';
import { followCertificate, grpcTls, metricsTls } from './tls.ts';

/** Parts that are stopped in the reverse order of their start. */
export interface Started {
  stop(): void | Promise<void>;
}

/** What ports serve and are run with. */
export interface PortParts {
  readonly settings: PickerSettings;
  readonly metrics: Metrics;
  readonly core: PickerCore;
  readonly ready: () => boolean;
  /** Why it is ready or not, for people. */
  readonly health: () => object;
  readonly electsLeader: boolean;
  /** Reviews who reads pages; everyone may when undefined. */
  readonly authorize: Authorize | undefined;
  readonly log: Logger;
  /** Has a part stopped with the picker. */
  readonly keep: (part: Started) => void;
}

/** Opens the ext_proc port; stopping it is the caller's. Rejects with `ConfigError`. */
export async function startGrpcPort(parts: PortParts): Promise<Listener> {
  const { settings, metrics, core, log, keep } = parts;
  const { maxReceiveBytes, maxSendBytes, certPath } = settings;
  const server = createGrpcServer({ maxReceiveBytes, maxSendBytes });
  const streams = settings.streamMetrics === true ? new StreamMetrics(metrics, systemClock) : undefined;
  const idle = metrics.counter('idle_streams_ended_total');
  const process = externalProcessor({
    director: streams?.timed(core.director) ?? core.director,
    capacity: createCapacity(parts),
    idle: new IdleWatch(settings.streamIdleTimeoutMs ?? 0, systemTimers),
    log,
    onStreamIdle: () => idle.inc(),
    onStreamStart: streams && (() => streams.started()),
    onStreamEnd: streams && ((code) => streams.ended(code)),
    maxReceiveBytes,
    maxSendBytes,
  });
  const routes = { [EXT_PROC_PROCESS_PATH]: process };
  if (settings.healthOnGrpcPort) addHealthService(server, parts);
  const tls = await grpcTls(settings, log);
  const listener = await listen({ server, routes, host: settings.host, port: settings.grpcPort, tls, log });
  if (tls !== undefined && certPath !== undefined && settings.reloadCertificate === true) {
    keep(
      followCertificate(certPath, tls, {
        flag: '--cert-path',
        apply: (pair) => listener.setSecureContext(pair),
        log,
        onError: () => countReloadError(metrics, 'certificate'),
      }),
    );
  }
  return listener;
}

/** Opens the health port, always in cleartext; stopping it is the caller's. Rejects with `ConfigError`. */
export async function startHealthPort(parts: PortParts): Promise<Listener> {
  const { settings, log } = parts;
  const server = createGrpcServer();
  addHealthService(server, parts);
  return listen({ server, host: settings.host, port: settings.healthPort, log });
}

/** Opens the port of metrics and debugging. Rejects with `ConfigError` for TLS files that do not fit. */
export async function startMetricsPort({
  settings,
  metrics,
  core,
  health,
  authorize,
  log,
  keep,
}: PortParts): Promise<AdminServer> {
  const tls = await metricsTls(settings);
  const server = await startAdminServer({
    host: settings.host,
    port: settings.metricsPort,
    pages: pages(metrics, core, health),
    tls,
    authorize,
    onError: (path, error) => log.error({ err: error, path }, 'the metrics port could not answer'),
  });
  keep({ stop: () => server.close() });
  if (tls !== undefined && settings.metricsCertDir !== undefined) {
    keep(
      followCertificate(settings.metricsCertDir, tls, {
        flag: '--metrics-cert-dir',
        apply: (pair) => server.setSecureContext(pair),
        log,
        onError: () => countReloadError(metrics, 'metrics certificate'),
      }),
    );
  }
  return server;
}

function pages(metrics: Metrics, core: PickerCore, health: () => object): ReadonlyMap<string, Page> {
  return new Map<string, Page>([
    ['/metrics', { contentType: metrics.registry.contentType, render: () => metrics.registry.metrics() }],
    ['/debug/endpoints', jsonPage(() => endpointStates(core, systemClock.nowMs()))],
    ['/debug/health', jsonPage(health)],
  ]);
}

function jsonPage(value: () => object): Page {
  return { contentType: 'application/json', render: () => JSON.stringify(value(), undefined, 2) };
}

function countReloadError(metrics: Metrics, file: string): void {
  metrics.counter('config_reload_errors_total').inc({ file });
}
