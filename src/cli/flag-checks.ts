import { TLS_VERSION_NAMES, tlsPolicy } from '../ext-proc/tls-suites.ts';
import { errorMessage } from '../lib/error-message.ts';
import { whyNotSelector } from '../lib/label-selector.ts';
import { parseByteQuantity } from '../lib/quantity.ts';
import { dashed, type FlagSet } from './flag-set.ts';
import { type Flag, FLAGS, type FlagName } from './flags.ts';

const MAX_PORT = 65_535;
const MAX_FALLBACKS = 63;
const MAX_TARGET_PORTS = 8;
const MAX_STREAMS = 10_000_000;
/** Timers of Node end at 24.8 days. */
const MAX_IDLE_MS = 7 * 24 * 3_600_000;

/**
 * The first wrong value as one line naming flag and value, or undefined. These are the mistakes the reference finds
 * after parsing (exit code 1), including four it exits on without a word. Source: contract 1.1 and 9.4.
 */
export function checkFlags(flags: FlagSet): string | undefined {
  return (
    removedFlag(flags) ??
    numbers(flags) ??
    durations(flags) ??
    sizes(flags) ??
    targetPorts(flags) ??
    selector(flags) ??
    configuration(flags) ??
    certificates(flags)
  );
}

/** Bytes of a size flag; undefined for empty or 0, which leave what is said there to be the default. */
export function byteSize(text: string): number | undefined {
  const bytes = text === '' ? 0 : parseByteQuantity(text);
  return bytes === 0 ? undefined : bytes;
}

function removedFlag(flags: FlagSet): string | undefined {
  const table: readonly (Flag & { readonly name: FlagName })[] = FLAGS;
  const found = table.find(({ name, support }) => support === 'removed' && flags.isGiven(name));
  const instead = 'configure metrics via engineConfigs in EndpointPickerConfig instead';
  return found && `flag "${found.name}" is deprecated and cannot be used; ${instead}`;
}

function numbers(flags: FlagSet): string | undefined {
  for (const [name, most] of [
    ['grpc-port', MAX_PORT],
    ['grpc-health-port', MAX_PORT],
    ['metrics-port', MAX_PORT],
    ['fallback-endpoints', MAX_FALLBACKS],
    ['max-streams', MAX_STREAMS],
  ] as const) {
    const value = flags.int(name);
    if (value < 0 || value > most) return complaint(name, String(value), `write a number from 0 to ${most}`);
  }
  return undefined;
}

function durations(flags: FlagSet): string | undefined {
  for (const name of [
    'drain-timeout',
    'stream-drain-timeout',
    'metrics-staleness-threshold',
    'answer-deadline',
    'warm-up',
  ] as const) {
    if (flags.durationMs(name) < 0) return complaint(name, flags.text(name), 'write a duration of 0s or more');
  }
  const idle = 'stream-idle-timeout';
  const idleMs = flags.durationMs(idle);
  if (idleMs !== 0 && (idleMs < 1000 || idleMs > MAX_IDLE_MS)) {
    return complaint(idle, flags.text(idle), 'write a duration from 1s to 168h, or 0s for none');
  }
  const name = 'refresh-prometheus-metrics-interval';
  if (flags.durationMs(name) <= 0) return complaint(name, flags.text(name), 'write a duration above 0s');
  return undefined;
}

function sizes(flags: FlagSet): string | undefined {
  for (const name of ['grpc-max-recv-msg-size', 'grpc-max-send-msg-size', 'max-held-body-bytes'] as const) {
    try {
      byteSize(flags.text(name));
    } catch (error) {
      return complaint(name, flags.text(name), errorMessage(error));
    }
  }
  return undefined;
}

function targetPorts(flags: FlagSet): string | undefined {
  const ports = new Set(flags.ints('endpoint-target-ports'));
  const bad = [...ports].find((port) => port < 0 || port > MAX_PORT);
  if (bad !== undefined) return `invalid port number ${bad} in "endpoint-target-ports": write 0 to ${MAX_PORT}`;
  const needed = flags.text('endpoint-selector') !== '';
  if (needed && (ports.size === 0 || ports.size > MAX_TARGET_PORTS)) {
    return `flag "endpoint-target-ports" should have length from 1 to ${MAX_TARGET_PORTS}, found ${ports.size}`;
  }
  return undefined;
}

function selector(flags: FlagSet): string | undefined {
  const name = 'endpoint-selector';
  const text = flags.text(name);
  const why = text === '' ? undefined : whyNotSelector(text);
  return why && complaint(name, text, why);
}

function configuration(flags: FlagSet): string | undefined {
  if (flags.text('config-file') === '' || flags.text('config-text') === '') return undefined;
  return 'both the "config-file" and "config-text" flags cannot be set at the same time';
}

function certificates(flags: FlagSet): string | undefined {
  const version = flags.text('tls-min-version');
  if (version !== '' && !TLS_VERSION_NAMES.includes(version)) {
    return complaint('tls-min-version', version, `write ${TLS_VERSION_NAMES.join(', ')}`);
  }
  const suites = flags.list('tls-cipher-suites');
  try {
    tlsPolicy(version, suites);
  } catch (error) {
    return complaint('tls-cipher-suites', suites.join(','), errorMessage(error));
  }
  const directory = flags.text('metrics-cert-dir');
  const authorities = flags.text('metrics-client-ca-file');
  if (authorities !== '' && directory === '') {
    return `"metrics-client-ca-file" requires "metrics-cert-dir": found only "${authorities}"`;
  }
  if (directory !== '' && authorities === '' && !flags.bool('metrics-endpoint-auth')) {
    return `"metrics-cert-dir" requires "metrics-client-ca-file" or "metrics-endpoint-auth": found only "${directory}"`;
  }
  return undefined;
}

function complaint(name: FlagName, value: string, right: string): string {
  return `invalid value "${value}" for ${dashed(name)}: ${right}`;
}
