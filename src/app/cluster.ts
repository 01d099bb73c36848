import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Authorize } from '../admin/access.ts';
import { AccessReview } from '../kubernetes/access-review.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { KubernetesClient } from '../kubernetes/client.ts';
import { EventRecorder } from '../kubernetes/events.ts';
import { loadKubeConfig } from '../kubernetes/kube-config.ts';
import { resourcePath, resourceQuery } from '../kubernetes/resource.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { systemClock, systemTimers } from './clock.ts';
import { describeDiscovery, followKubernetes, type KubernetesConnection, type KubernetesParts } from './kubernetes.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import { type PoolName, PoolEvents, refusal, regarding } from './pool-events.ts';
import type { Started } from './ports.ts';

const LOOK_UP_MS = 2_000;

/** What a picker in Kubernetes has besides its endpoints. */
export interface ClusterSide {
  /** Undefined where all replicas serve. */
  readonly leadership: Leadership | undefined;
  /** Reviews who reads metrics; undefined where everybody may. */
  readonly authorize: Authorize | undefined;
  /** A changed configuration was not taken. */
  refused(lines: readonly string[]): void;
  /** How things are, for people. */
  explain(): object;
}

/** Starts everything that goes by the API server, except the candidacy, which waits for open ports. */
export function joinCluster(
  connection: KubernetesConnection,
  parts: KubernetesParts & { readonly keep: (part: Started) => void },
): ClusterSide {
  const { client, namespace, target, podName } = connection;
  const { settings, readiness, metrics, log, keep } = parts;
  const { poolName, seed } = settings;
  const recorder = eventRecorder(client, podName, { metrics, log });
  const events =
    target.kind === 'selector'
      ? undefined
      : new PoolEvents({
          pool: { group: target.group, namespace, name: target.name },
          timers: systemTimers,
          tell: (about, happening) => recorder.tell(about, happening),
        });
  const discovery = followKubernetes(connection, {
    ...parts,
    onState: (state, mismatch) => events?.look(state, mismatch),
  });
  keep({
    async stop() {
      events?.close();
      await discovery.close();
      await recorder.settled();
    },
  });
  const identity = `${podName === '' ? hostname() : podName}_${randomUUID()}`;
  const leadership = connection.leaderElection
    ? leadershipOf(connection, { poolName, identity, seed, readiness, metrics, log })
    : undefined;
  if (leadership !== undefined) {
    keep({ stop: () => leadership.stepDown() });
    if (!parts.config.gates.haPopulateNonLeaderDatastore) {
      log.warn('featureGates: haPopulateNonLeaderDatastore=false has no effect: replicas that stand by stay warm');
    }
  }
  const review = connection.metricsAuth ? new AccessReview(client, systemClock) : undefined;
  return {
    leadership,
    authorize: review && ((token, path) => review.authorize(token, path)),
    refused: (lines) => events?.refused(lines),
    explain: () => ({
      discovery: describeDiscovery(client, discovery.state),
      ...(leadership && { leaderElection: leadership.explain() }),
    }),
  };
}

/**
 * Writes an event for a configuration that the picker does not start with, if the API server and the pool can be found; a
 * few seconds at most. Never rejects.
 */
export async function tellRefusedStart(
  pool: PoolName,
  { lines, podName, log }: { readonly lines: readonly string[]; readonly podName: string; readonly log: Logger },
): Promise<void> {
  let client: KubernetesClient | undefined;
  try {
    client = new KubernetesClient(await loadKubeConfig(process.env));
    const resource = { ...pool, version: 'v1', plural: 'inferencepools' };
    const found = await client.request({
      path: resourcePath(resource),
      query: resourceQuery(resource),
      timeoutMs: LOOK_UP_MS,
    });
    const { items = [] } = found as { readonly items?: readonly { readonly metadata?: { readonly uid?: string } }[] };
    const uid = items[0]?.metadata?.uid;
    if (uid === undefined) return;
    const recorder = eventRecorder(client, podName, { log });
    recorder.tell(regarding(pool, uid), refusal(lines, 'Start'));
    await recorder.settled();
  } catch (error) {
    log.debug({ err: error }, 'no event was written about the refused configuration');
  } finally {
    await client?.close();
  }
}

function eventRecorder(
  api: KubernetesApi,
  podName: string,
  { metrics, log }: { readonly metrics?: Metrics; readonly log: Logger },
): EventRecorder {
  let told = '';
  return new EventRecorder({
    api,
    clock: systemClock,
    now: () => new Date(),
    instance: podName === '' ? hostname() : podName,
    failed({ fault, message }) {
      metrics?.counter('discovery_errors_total').inc({ resource: 'events', reason: fault });
      if (told !== message) log.warn(`an event about the pool could not be written: ${message}`);
      told = message;
    },
  });
}
