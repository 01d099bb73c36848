import { readPod } from '../discovery/kubernetes/pods.ts';
import type { KubeObject } from '../kubernetes/api.ts';
import { fields, list, number, text } from './fields.ts';
import type { PickerPod, PickerService } from './installation.ts';

const HEALTH_PORT = 9003;
const METRICS_PORT = 9090;

/**
 * What a pod of the picker was started with, by its arguments; undefined before it has an address. Both Pointsman and
 * the Go EPP take these flags. Source: contract `wire-protocol.md` 6.1.
 */
export function readPickerPod(object: KubeObject, service?: PickerService): PickerPod | undefined {
  const { name, address } = readPod(object);
  if (address === undefined) return undefined;
  const spec = fields(object['spec']);
  const containers = list(spec['containers']);
  const args = containers.flatMap((container) => words(container['command']).concat(words(container['args'])));
  const targetPort = service?.targetPort ?? 0;
  const named = containers
    .flatMap((container) => list(container['ports']))
    .find((port) => text(port['name']) === targetPort);
  return {
    name,
    address,
    grpcPort: typeof targetPort === 'number' ? targetPort : (number(named?.['containerPort']) ?? service?.port ?? 0),
    healthPort: portOf(flag(args, 'grpc-health-port'), HEALTH_PORT),
    metricsPort: portOf(flag(args, 'metrics-port'), METRICS_PORT),
    secure: isOn(flag(args, 'secure-serving') ?? 'true'),
    leaderElection: isOn(flag(args, 'ha-enable-leader-election') ?? 'false'),
    metricsAuth: isOn(flag(args, 'metrics-endpoint-auth') ?? 'true'),
    serviceAccount: text(spec['serviceAccountName']) || 'default',
  };
}

/** What a flag was set to last, written `--name=value`, `--name value`, or `--name` alone for true. */
export function flag(args: readonly string[], name: string): string | undefined {
  const at = args.findLastIndex((arg) => arg.replace(/^--?/, '').split('=', 1)[0] === name && arg.startsWith('-'));
  if (at === -1) return undefined;
  const [, value] = /=([^]*)$/.exec(args[at]) ?? [];
  if (value !== undefined) return value;
  const next = args.at(at + 1);
  return next === undefined || next.startsWith('-') ? 'true' : next;
}

/** A number out of an argument; one that is no port, like a variable of the shell's, says nothing. */
function portOf(written: string | undefined, otherwise: number): number {
  const port = Number(written);
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : otherwise;
}

function isOn(value: string): boolean {
  return !['0', 'f', 'false'].includes(value.toLowerCase());
}

function words(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : [];
}
