import type { PoolFacts } from '../discovery/kubernetes/pool.ts';
import type { PodFacts } from '../discovery/kubernetes/pods.ts';
import type { ClusterReader } from './cluster-reader.ts';

/** What to look at, and from where. */
export interface DoctorOptions {
  readonly poolName: string;
  readonly namespace: string;
  /** Where probe requests go; without it there are none. */
  readonly gatewayUrl: string | undefined;
  /** Host of probe requests where it is not the URL's: routes may be for some hosts only. */
  readonly gatewayHost: string | undefined;
  /** Of probe requests. */
  readonly model: string;
  /** `/metrics` of the picker, for where its pods cannot be reached. */
  readonly pickerMetricsUrl: string | undefined;
  /** Bearer token for `/metrics` of the picker. */
  readonly metricsToken: string | undefined;
  /** For each look at something. */
  readonly timeoutMs: number;
  /** Whether this runs in a pod, so that pods must be reachable. */
  readonly isInside: boolean;
}

/** What every check gets. */
export interface Visit extends DoctorOptions {
  readonly cluster: ClusterReader;
  /** Aborted when nobody wants the report any more. */
  readonly signal: AbortSignal;
}

/** The Service port the pool names as its picker. */
export interface PickerService {
  readonly name: string;
  readonly port: number;
  readonly selector: Readonly<Record<string, string>>;
  /** Number or name of the pods' port. */
  readonly targetPort: number | string;
}

/** A pod of the picker, as far as the pod's own words tell. */
export interface PickerPod {
  readonly name: string;
  readonly address: string;
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly metricsPort: number;
  /** Whether it was told to speak TLS, which it does unless told otherwise. */
  readonly secure: boolean;
  readonly leaderElection: boolean;
  readonly metricsAuth: boolean;
  readonly serviceAccount: string;
}

/** The pool and the pods its selector matches. */
export interface PoolState {
  readonly facts: PoolFacts;
  readonly pods: readonly PodFacts[];
}
