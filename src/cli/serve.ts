import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { defaultLimits } from '../app/capacity.ts';
import { systemClock } from '../app/clock.ts';
import { loadConfig } from '../app/config.ts';
import { tellRefusedStart } from '../app/cluster.ts';
import { usableMemoryBytes } from '../app/memory.ts';
import { startPicker } from '../app/picker.ts';
import type { KubernetesSettings, PickerSettings } from '../app/settings.ts';
import { VERSION } from '../app/version.ts';
import { ConfigErrors } from '../config/problems.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { ConfigError } from '../core/errors.ts';
import type { CapacityLimits } from '../ext-proc/capacity.ts';
import type { PoolTarget } from '../discovery/kubernetes/discovery.ts';
import { aborted } from '../lib/aborted.ts';
import { createLog, type Logger } from '../telemetry/log.ts';
import { startTracing } from '../tracing/start.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { Command, CommandIo } from './command.ts';
import { parseServeFlags, type PoolChoice, resolvePool, type ServeOptions } from './flag-options.ts';

/** Serves a pool until told to stop. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'Serve a pool: the endpoint picker itself. Also what runs when the first argument is a flag.',
  help: 'pointsman serve --help',
  async run(args, io) {
    const parsed = parseServeFlags(args, process.env);
    if (parsed.kind === 'help') {
      io.stdout(parsed.text);
      return 0;
    }
    if (parsed.kind === 'error') {
      io.stderr(parsed.message);
      return parsed.exitCode;
    }
    const log = createLog(parsed.options.logLevel);
    for (const warning of parsed.warnings) log.warn(warning);
    try {
      await serve(parsed.options, io, log);
      return 0;
    } catch (error) {
      explain(error, log);
      return 1;
    }
  },
};

async function serve(options: ServeOptions, io: CommandIo, log: Logger): Promise<void> {
  const { configFile: file, configText, allowExperimentalPlugins: allowExperimental } = options;
  const { config, text } = await loadConfig({ file, text: configText, allowExperimental }).catch((error: unknown) =>
    refuse(error, options, log),
  );
  for (const warning of config.warnings) log.warn(warning);
  const pool = resolvePool(options, config.discovery !== undefined);
  if (pool.kind === 'error') throw new ConfigError(pool.message);
  const { poolName } = pool;
  if (pool.kind === 'file' && options.haEnableLeaderElection) {
    log.warn('--ha-enable-leader-election has no effect with endpoints from a file: every replica serves');
  }
  log.info({ version: VERSION, node: process.version, pool: poolName, flags: options }, 'starting');
  const tracing = options.tracing
    ? await startTracing(process.env, { clock: systemClock, log, version: VERSION })
    : undefined;
  try {
    const configFile = file === undefined || !options.configReload ? undefined : { file, text, allowExperimental };
    await servePool(config, { ...settingsOf(options, pool), configFile }, { io, log, tracing });
  } finally {
    await tracing?.shutdown();
  }
}

/** Tells those who look at the pool, too: of a picker that does not start they see nothing else. */
async function refuse(error: unknown, options: ServeOptions, log: Logger): Promise<never> {
  const { poolName: name, poolNamespace: namespace, poolGroup: group, podName } = options;
  if (error instanceof ConfigErrors && name !== '') {
    await tellRefusedStart({ group, namespace, name }, { lines: error.lines, podName, log });
  }
  throw error;
}

async function servePool(
  config: ResolvedConfig,
  settings: PickerSettings,
  { io, log, tracing }: { readonly io: CommandIo; readonly log: Logger; readonly tracing: Tracing | undefined },
): Promise<void> {
  const picker = await startPicker(config, settings, log, tracing);
  const { grpcPort, healthPort, metricsPort } = picker;
  log.info({ grpcPort, healthPort, metricsPort, endpoints: picker.table.all.length }, 'serving');
  await aborted(io.signal);
  log.info({ drainTimeoutMs: settings.drainTimeoutMs }, 'not ready; still serving until the drain time-out ends');
  await picker.stop();
  log.info('stopped');
}

function settingsOf(options: ServeOptions, pool: Exclude<PoolChoice, { kind: 'error' }>): PickerSettings {
  return {
    host: anyAddress(),
    grpcPort: options.grpcPort,
    healthPort: options.grpcHealthPort,
    metricsPort: options.metricsPort,
    secure: options.secureServing,
    certPath: options.certPath,
    reloadCertificate: options.enableCertReload,
    tls: options.tls,
    metricsCertDir: options.metricsCertDir,
    metricsClientCaFile: options.metricsClientCaFile,
    streamMetrics: options.enableGrpcStreamMetrics,
    legacyMetrics: options.legacyMetrics,
    healthOnGrpcPort: options.healthChecking,
    maxReceiveBytes: options.grpcMaxRecvMessageBytes,
    maxSendBytes: options.grpcMaxSendMessageBytes,
    limits: limitsOf(options),
    streamIdleTimeoutMs: options.streamIdleTimeoutMs,
    poolName: pool.poolName,
    kubernetes: kubernetesOf(options, pool),
    objectsFile: options.objectsFile,
    refreshMetricsIntervalMs: options.refreshMetricsIntervalMs,
    refreshPoolGaugesIntervalMs: options.refreshPrometheusMetricsIntervalMs,
    metricsStalenessThresholdMs: options.metricsStalenessThresholdMs,
    drainTimeoutMs: options.drainTimeoutMs,
    streamDrainTimeoutMs: options.streamDrainTimeoutMs,
    fallbackEndpoints: options.fallbackEndpoints,
    answerDeadlineMs: options.answerDeadlineMs,
    warmUpMs: options.warmUpMs,
    obeySubset: !options.disableEndpointSubsetFilter,
    emitEndpointScores: options.emitEndpointScores,
    seed: randomInt(2 ** 32),
  };
}

function limitsOf({ maxStreams, maxHeldBodyBytes }: ServeOptions): CapacityLimits {
  const defaults = defaultLimits(usableMemoryBytes());
  return {
    maxStreams: maxStreams ?? defaults.maxStreams,
    maxHeldBodyBytes: maxHeldBodyBytes ?? defaults.maxHeldBodyBytes,
  };
}

function kubernetesOf(
  options: ServeOptions,
  pool: Exclude<PoolChoice, { kind: 'error' }>,
): KubernetesSettings | undefined {
  if (pool.kind === 'file') return undefined;
  const { poolNamespace: namespace, poolGroup: group, podName } = options;
  const { haEnableLeaderElection: leaderElection, metricsEndpointAuth: metricsAuth } = options;
  const target: PoolTarget =
    pool.kind === 'pool'
      ? { kind: 'pool', name: pool.poolName, group }
      : { kind: 'selector', selector: pool.selector, ports: pool.targetPorts };
  return { namespace, target, podName, leaderElection, metricsAuth };
}

/** Every address of the machine: both families, or IPv4 alone where the machine has no IPv6. */
function anyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}

/** One line a problem; a stack only for what is no mistake of the user's. */
function explain(error: unknown, log: Logger): void {
  if (error instanceof ConfigErrors) for (const line of error.lines) log.error(line);
  else if (error instanceof ConfigError) log.error(error.message);
  else log.error({ err: error }, 'cannot start');
}
