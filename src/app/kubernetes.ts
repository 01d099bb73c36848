import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../core/errors.ts';
import { type DiscoveryState, KubernetesDiscovery } from '../discovery/kubernetes/discovery.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { KubernetesClient } from '../kubernetes/client.ts';
import { loadKubeConfig } from '../kubernetes/kube-config.ts';
import type { Timing } from '../kubernetes/timing.ts';
import { seededRandom } from '../lib/random.ts';
import { systemClock } from './clock.ts';
import type { PickerCore } from './core.ts';
import type { FactParts } from './facts.ts';
import { MembershipLog } from './membership-log.ts';
import type { Readiness } from './readiness.ts';
import type { KubernetesSettings, PickerSettings } from './settings.ts';

/** The API server and what of it this picker is about; everything that needs one shares this. */
export interface KubernetesConnection extends KubernetesSettings {
  readonly client: KubernetesClient;
}

/** Finds the API server; nothing is asked of it yet. Throws `ConfigError` when none is known. */
export async function connectKubernetes({ kubernetes }: PickerSettings): Promise<KubernetesConnection> {
  if (kubernetes === undefined) {
    throw new ConfigError(
      'nothing says where endpoints are: give --pool-name, or name a file-discovery plugin in dataLayer.discovery.pluginRef',
    );
  }
  return { ...kubernetes, client: new KubernetesClient(await loadKubeConfig(process.env)) };
}

/** Time and chance of everything that talks to the API server. */
export function kubernetesTiming(seed: number): Timing {
  return {
    clock: systemClock,
    random: seededRandom(seed),
    // An order to stop ends the wait; that it does so by throwing is the timer's way.
    wait: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined),
  };
}

export interface KubernetesParts extends FactParts {
  readonly core: PickerCore;
  readonly readiness: Readiness;
}

/** Hears of every look at the pool, with why parsers and pool do not fit. */
type OnState = (state: DiscoveryState, mismatch: string | undefined) => void;

/** Starts to follow the pool, and returns at once: until the API server has told, readiness says what is missing. */
export function followKubernetes(
  { client, namespace, target }: KubernetesConnection,
  parts: KubernetesParts & { readonly onState: OnState },
): KubernetesDiscovery {
  const { table, settings, metrics, log, core, readiness } = parts;
  if (target.kind === 'pool' && settings.objectsFile !== undefined) {
    throw new ConfigError(
      '--objects-file cannot be used with --pool-name: InferenceObjectives and InferenceModelRewrites come from the API server',
    );
  }
  const membership = new MembershipLog(log);
  const connected = metrics.gauge('discovery_connected');
  const errors = metrics.counter('discovery_errors_total');
  const discovery = new KubernetesDiscovery({
    api: client,
    namespace,
    target,
    timing: kubernetesTiming(settings.seed),
    log,
    endpoints: { replace: (specs) => membership.note(table.replace(specs), table.all.length) },
    objects: {
      replace(objectives, rewrites) {
        core.objectives.replace(objectives);
        core.rewrites.replace(rewrites);
        log.info({ objectives: objectives.length, rewrites: rewrites.length }, 'objects loaded');
      },
    },
    observer: {
      failed: (resource, reason) => errors.inc({ resource, reason }),
      connected: (resource, isConnected) => connected.set({ resource }, isConnected ? 1 : 0),
      forgot: (resource) => connected.remove({ resource }),
    },
    onState() {
      if (discovery.state.unknown === undefined) core.poolFilled();
      readiness.refresh();
      parts.onState(discovery.state, mismatch(discovery.state, core));
    },
  });
  readiness.require('synced', () => discovery.state.unknown);
  readiness.require('protocol', () => mismatch(discovery.state, core));
  discovery.start();
  return discovery;
}

/** How discovery is doing, for people. */
export function describeDiscovery({ server }: KubernetesApi, { pool, endpoints, outages }: DiscoveryState): object {
  const nowMs = systemClock.nowMs();
  const troubles = outages.map(({ resource, problem, sinceMs }) => ({
    resource,
    problem,
    forMs: Math.round(nowMs - sinceMs),
  }));
  return { server, pool: pool ?? null, endpoints, outages: troubles };
}

/**
 * Why the pool's servers and the parsers do not fit: each parser that is for some protocols only must be for the pool's.
 * Source: contract `wire-protocol.md` 1.12.
 */
function mismatch({ pool }: DiscoveryState, { config, instances }: PickerCore): string | undefined {
  const protocol = pool?.appProtocol ?? '';
  if (protocol === '') return undefined;
  for (const name of config.parsers) {
    const { protocols } = instances.get('parser', name).instance;
    if (protocols === undefined || protocols.includes(protocol)) continue;
    return `parser '${name}' is for servers that speak ${protocols.join(' or ')}, the pool's appProtocol is ${protocol}`;
  }
  return undefined;
}
