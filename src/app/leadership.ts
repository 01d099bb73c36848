import { problemOf } from '../discovery/kubernetes/connections.ts';
import { LeaderElection } from '../kubernetes/leader-election.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type KubernetesConnection, kubernetesTiming } from './kubernetes.ts';
import type { Readiness } from './readiness.ts';

const LEADER = 'leader';
/** Lines told of one outage; a server that fails in ever new words must not fill the log. */
const MAX_LINES = 20;

export interface LeadershipParts {
  readonly poolName: string;
  /** This process's name in the Lease. */
  readonly identity: string;
  readonly seed: number;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** A replica's part in the election, with what people see of it. */
export interface Leadership {
  /** Begins to stand for election. */
  stand(): void;
  /** Ends it, and lets another replica lead at once. */
  stepDown(): Promise<void>;
  /** For people. */
  explain(): object;
}

/**
 * Has the replicas of a picker elect one by the Lease `epp-<namespace>-<pool>.llm-d.ai` (contract `wire-protocol.md` 1.12);
 * only that one is ready. The others follow pods and metrics all the same. One that is not ready for a reason of its own
 * does not stand, for if it won nobody would be served.
 */
export function leadershipOf({ client, namespace }: KubernetesConnection, parts: LeadershipParts): Leadership {
  const { poolName, identity, readiness, metrics, log } = parts;
  const lease = `epp-${namespace}-${poolName}.llm-d.ai`;
  const isLeader = metrics.gauge('leader_election_is_leader');
  const errors = metrics.counter('discovery_errors_total');
  /** The first of an outage, and all that were told of it. */
  let problem: string | undefined;
  const told = new Set<string>();
  const election: LeaderElection = new LeaderElection({
    api: client,
    namespace,
    lease,
    identity,
    timing: kubernetesTiming(parts.seed),
    now: () => new Date(),
    isFit: () => readiness.isReady(LEADER),
    observer: {
      changed() {
        isLeader.set({ lease }, election.isLeader ? 1 : 0);
        const { holder } = election;
        if (election.isOverdue)
          log.warn({ lease }, 'the lease could not be renewed: still the leader, until it can move');
        else if (election.isLeader) log.info({ lease, identity }, 'this replica is the leader');
        else if (holder === identity)
          log.warn({ lease }, 'no longer the leader: the lease could not be renewed in time');
        else if (holder !== '') log.info({ lease, leader: holder }, 'this replica stands by');
        readiness.refresh();
      },
      failed(error, verb) {
        errors.inc({ resource: 'leases', reason: error.fault });
        const now = problemOf(`${verb} the lease ${lease} in namespace ${namespace}`, error);
        problem ??= now;
        if (told.has(now) || told.size >= MAX_LINES) return;
        told.add(now);
        log.warn({ lease }, now);
      },
      answered() {
        if (problem !== undefined) log.info({ lease }, 'the API server answers about the lease again');
        problem = undefined;
        told.clear();
      },
    },
  });
  isLeader.set({ lease }, 0);
  readiness.require(LEADER, () => {
    if (election.isLeader) return undefined;
    const { holder } = election;
    const who = holder === '' || holder === identity ? 'no replica is known to lead' : `${holder} leads`;
    return problem === undefined ? who : `${who}: ${problem}`;
  });
  return {
    stand: () => election.start(),
    stepDown: () => election.release(),
    explain: () => ({
      lease,
      identity,
      isLeader: election.isLeader,
      holder: election.holder,
      ...(problem !== undefined && { problem }),
    }),
  };
}
