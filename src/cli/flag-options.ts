import { type TlsPolicy, tlsPolicy } from '../ext-proc/tls-suites.ts';
import { errorMessage } from '../lib/error-message.ts';
import { flagHelp } from './flag-help.ts';
import { checkFlags, byteSize } from './flag-checks.ts';
import { parseArguments } from './flag-parser.ts';
import { dashed, FlagSet } from './flag-set.ts';
import { type LogLevel, levelOfVerbosity } from './flag-values.ts';
import { FLAGS } from './flags.ts';

/** What `pointsman serve` was asked to do. Names say the unit; nothing here is text that still needs reading. */
export interface ServeOptions {
  /** Empty when not given; see `resolvePool`. */
  readonly poolName: string;
  readonly poolNamespace: string;
  readonly poolGroup: string;
  /** Empty when not given. */
  readonly endpointSelector: string;
  /** Name of the pod this runs in; empty where the environment does not say. */
  readonly podName: string;
  /** Let only the elected replica be ready. */
  readonly haEnableLeaderElection: boolean;
  /** No port twice. */
  readonly endpointTargetPorts: readonly number[];
  /** At most one of file and text is given. */
  readonly configFile: string | undefined;
  readonly configText: string | undefined;
  /** Follow changes of `configFile`. */
  readonly configReload: boolean;
  /** Undefined means no objectives and rewrites. */
  readonly objectsFile: string | undefined;
  readonly allowExperimentalPlugins: boolean;
  /** Ports of 0 let the system choose. */
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
  readonly secureServing: boolean;
  /** Undefined asks for a self-signed certificate. */
  readonly certPath: string | undefined;
  /** Follow the files of `certPath`. */
  readonly enableCertReload: boolean;
  readonly tls: TlsPolicy;
  /** Undefined serves metrics in cleartext. */
  readonly metricsCertDir: string | undefined;
  readonly metricsClientCaFile: string | undefined;
  /** Ask Kubernetes who may read metrics. */
  readonly metricsEndpointAuth: boolean;
  readonly enableGrpcStreamMetrics: boolean;
  readonly legacyMetrics: boolean;
  readonly tracing: boolean;
  readonly healthChecking: boolean;
  /** Undefined leaves the gRPC library's own limit. */
  readonly grpcMaxRecvMessageBytes: number | undefined;
  readonly grpcMaxSendMessageBytes: number | undefined;
  /** Undefined leaves it to the memory there is. */
  readonly maxStreams: number | undefined;
  readonly maxHeldBodyBytes: number | undefined;
  /** 0 for never. */
  readonly streamIdleTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly streamDrainTimeoutMs: number;
  /** Endpoints named in an answer besides the picked one, 0 to 63. */
  readonly fallbackEndpoints: number;
  readonly answerDeadlineMs: number;
  readonly warmUpMs: number;
  readonly disableEndpointSubsetFilter: boolean;
  readonly emitEndpointScores: boolean;
  /** 50 or more. */
  readonly refreshMetricsIntervalMs: number;
  readonly refreshPrometheusMetricsIntervalMs: number;
  readonly metricsStalenessThresholdMs: number;
  readonly logLevel: LogLevel;
}

/** What became of a command line. */
export type FlagsResult =
  | { readonly kind: 'help'; readonly text: string }
  /** For stderr. Exit code 2: the command line cannot be read, with a hint line; 1: a value is wrong, one line. */
  | { readonly kind: 'error'; readonly exitCode: 1 | 2; readonly message: string }
  | { readonly kind: 'ok'; readonly options: ServeOptions; readonly warnings: readonly string[] };

/** What identifies the pool, decided when the configuration has told where endpoints come from. */
export type PoolChoice =
  | { readonly kind: 'file'; readonly poolName: string }
  | { readonly kind: 'pool'; readonly poolName: string }
  | {
      readonly kind: 'selector';
      /** Of the Deployment this runs in. */
      readonly poolName: string;
      readonly selector: string;
      readonly targetPorts: readonly number[];
    }
  | { readonly kind: 'error'; readonly message: string };

const POOL_GROUP = 'inference.networking.k8s.io';
const MIN_REFRESH_MS = 50;
const COMMAND = 'pointsman serve';

/**
 * Reads the flags of `pointsman serve`. `args` is what follows the command, `env` the environment. Pure: the caller
 * prints, logs the warnings and exits.
 */
export function parseServeFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): FlagsResult {
  const shapes = FLAGS.map(({ name, type }) => ({ name, isSwitch: type === 'bool' }));
  const parsed = parseArguments(args, shapes);
  if (parsed.kind === 'help') return { kind: 'help', text: flagHelp(`${COMMAND} [flags]`) };
  if (parsed.kind === 'error') return usageError(parsed.message);
  let flags: FlagSet;
  try {
    flags = new FlagSet(parsed.given);
  } catch (error) {
    return usageError(errorMessage(error));
  }
  const wrong = checkFlags(flags);
  if (wrong !== undefined) return { kind: 'error', exitCode: 1, message: wrong };
  return { kind: 'ok', options: toOptions(flags, env), warnings: warningsAbout(flags, parsed.rest) };
}

/**
 * Holds the rule that exactly one of `--pool-name` and `--endpoint-selector` is given. With file discovery neither is
 * needed and the name is a mere label: the reference's documents say so, though its code still asks for one.
 */
export function resolvePool(options: ServeOptions, fileDiscovery: boolean): PoolChoice {
  const { poolName, poolGroup, endpointSelector } = options;
  if (fileDiscovery) return { kind: 'file', poolName: poolName === '' ? 'epp' : poolName };
  if ((poolName === '') === (endpointSelector === '')) {
    const found = poolName === '' ? 'found neither' : 'found both';
    return complaint(`either pool-name or endpoint-selector must be set: ${found}, give one of the flags`);
  }
  if (poolName === '') return selectedPods(options);
  if (poolGroup === POOL_GROUP) return { kind: 'pool', poolName };
  return complaint(`invalid value "${poolGroup}" for --pool-group: only ${POOL_GROUP} is supported`);
}

/** Without an InferencePool the pool goes by the name of the Deployment the picker runs in, told by its pod's. */
function selectedPods({ podName, endpointSelector, endpointTargetPorts }: ServeOptions): PoolChoice {
  if (podName === '') {
    return complaint(
      '--endpoint-selector needs the environment variable POD_NAME: set it from metadata.name, the pool is named after its Deployment',
    );
  }
  const [, poolName] = /^(.+)-[a-z0-9]+-[a-z0-9]+$/.exec(podName) ?? [];
  if (poolName === undefined) {
    return complaint(
      `POD_NAME is "${podName}", expected the name of a Deployment's pod: <deployment>-<replicaset>-<pod>`,
    );
  }
  return { kind: 'selector', poolName, selector: endpointSelector, targetPorts: endpointTargetPorts };
}

function complaint(message: string): PoolChoice {
  return { kind: 'error', message };
}

function usageError(message: string): FlagsResult {
  return { kind: 'error', exitCode: 2, message: `${message}\nRun "${COMMAND} --help" for the flags.` };
}

function toOptions(flags: FlagSet, env: Readonly<Record<string, string | undefined>>): ServeOptions {
  return {
    poolName: flags.text('pool-name'),
    poolNamespace: flags.text('pool-namespace') || env.NAMESPACE || 'default',
    poolGroup: flags.text('pool-group'),
    endpointSelector: flags.text('endpoint-selector'),
    podName: env.POD_NAME ?? '',
    haEnableLeaderElection: flags.bool('ha-enable-leader-election'),
    endpointTargetPorts: [...new Set(flags.ints('endpoint-target-ports'))],
    configFile: flags.text('config-file') || undefined,
    configText: flags.text('config-text') || undefined,
    configReload: flags.bool('config-reload'),
    objectsFile: flags.text('objects-file') || undefined,
    allowExperimentalPlugins: flags.bool('allow-experimental-plugins'),
    grpcPort: flags.int('grpc-port'),
    grpcHealthPort: flags.int('grpc-health-port'),
    metricsPort: flags.int('metrics-port'),
    secureServing: flags.bool('secure-serving'),
    certPath: flags.text('cert-path') || undefined,
    enableCertReload: flags.bool('enable-cert-reload'),
    tls: tlsPolicy(flags.text('tls-min-version'), flags.list('tls-cipher-suites')),
    metricsCertDir: flags.text('metrics-cert-dir') || undefined,
    metricsClientCaFile: flags.text('metrics-client-ca-file') || undefined,
    metricsEndpointAuth: flags.bool('metrics-endpoint-auth'),
    enableGrpcStreamMetrics: flags.bool('enable-grpc-stream-metrics'),
    legacyMetrics: flags.bool('legacy-metrics'),
    tracing: flags.bool('tracing'),
    healthChecking: flags.bool('health-checking'),
    grpcMaxRecvMessageBytes: byteSize(flags.text('grpc-max-recv-msg-size')),
    grpcMaxSendMessageBytes: byteSize(flags.text('grpc-max-send-msg-size')),
    maxStreams: flags.int('max-streams') || undefined,
    maxHeldBodyBytes: byteSize(flags.text('max-held-body-bytes')),
    streamIdleTimeoutMs: flags.durationMs('stream-idle-timeout'),
    drainTimeoutMs: flags.durationMs('drain-timeout'),
    streamDrainTimeoutMs: flags.durationMs('stream-drain-timeout'),
    fallbackEndpoints: flags.int('fallback-endpoints'),
    answerDeadlineMs: flags.durationMs('answer-deadline'),
    warmUpMs: flags.durationMs('warm-up'),
    disableEndpointSubsetFilter: flags.bool('disable-endpoint-subset-filter'),
    emitEndpointScores: flags.bool('emit-endpoint-scores'),
    refreshMetricsIntervalMs: Math.max(MIN_REFRESH_MS, flags.durationMs('refresh-metrics-interval')),
    refreshPrometheusMetricsIntervalMs: flags.durationMs('refresh-prometheus-metrics-interval'),
    metricsStalenessThresholdMs: flags.durationMs('metrics-staleness-threshold'),
    logLevel: flags.level('zap-log-level') ?? levelOfVerbosity(flags.int('v')),
  };
}

function warningsAbout(flags: FlagSet, rest: readonly string[]): string[] {
  const warnings: string[] = [];
  const refresh = 'refresh-metrics-interval';
  if (flags.durationMs(refresh) < MIN_REFRESH_MS) {
    warnings.push(`${dashed(refresh)} ${flags.text(refresh)} is below the least, ${MIN_REFRESH_MS}ms, which is used`);
  }
  if (rest.length > 0) {
    const shown = rest.slice(0, 5).map((word) => JSON.stringify(word));
    // Most often a switch written as "--tracing false", which pflag reads as "--tracing" and a stray word.
    warnings.push(`ignored ${shown.join(' ')}: not a flag; a switch takes its value after "=", as in --tracing=false`);
  }
  return warnings;
}
