import type { PoolTarget } from '../discovery/kubernetes/discovery.ts';
import type { CapacityLimits } from '../ext-proc/capacity.ts';
import type { TlsPolicy } from '../ext-proc/tls-suites.ts';

/** A configuration file that was read. */
export interface ConfigFile {
  readonly file: string;
  readonly text: string | undefined;
  readonly allowExperimental: boolean;
}

/** Which pods a picker serves, and what it asks of the API server besides. */
export interface KubernetesSettings {
  readonly namespace: string;
  readonly target: PoolTarget;
  /** Name of the pod this runs in; empty where nobody says. */
  readonly podName: string;
  /** Let only one replica be ready. */
  readonly leaderElection: boolean;
  /** Ask who may read metrics. */
  readonly metricsAuth: boolean;
}

/** Everything a picker is started with, after flags, environment and defaults have had their say. */
export interface PickerSettings {
  /** Address every port is opened on. */
  readonly host: string;
  /** Ports; 0 takes a free one. */
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly metricsPort: number;
  /** TLS on the gRPC port. */
  readonly secure: boolean;
  /** Folder with `tls.crt` and `tls.key`; without one a certificate is made at start. */
  readonly certPath: string | undefined;
  /** Follow the files of `certPath`. */
  readonly reloadCertificate?: boolean | undefined;
  /** Versions and suites of the gRPC port; Node's own when absent. */
  readonly tls?: TlsPolicy | undefined;
  /** Folder with `tls.crt` and `tls.key` of the metrics port, followed; cleartext without one. */
  readonly metricsCertDir?: string | undefined;
  /** File with the authorities whose client certificates the metrics port asks for; needs `metricsCertDir`. */
  readonly metricsClientCaFile?: string | undefined;
  /** Export the families about ext_proc streams. */
  readonly streamMetrics?: boolean | undefined;
  /** Export families under their names of former generations too; yes when absent. */
  readonly legacyMetrics?: boolean | undefined;
  /** Serve the health service on the gRPC port too. */
  readonly healthOnGrpcPort: boolean;
  readonly maxReceiveBytes: number | undefined;
  readonly maxSendBytes: number | undefined;
  /** Requests beyond are refused; no limits when absent. */
  readonly limits?: CapacityLimits | undefined;
  /** Streams on which nothing happens for so long are ended; never when 0 or absent. */
  readonly streamIdleTimeoutMs?: number | undefined;
  /** The configuration file to follow, with the text that was read from it; absent, nothing is followed. */
  readonly configFile?: ConfigFile | undefined;
  readonly poolName: string;
  /** Where endpoints come from when the configuration names no discovery plugin. */
  readonly kubernetes?: KubernetesSettings | undefined;
  /** File with InferenceObjective and InferenceModelRewrite documents, followed. */
  readonly objectsFile?: string | undefined;
  readonly refreshMetricsIntervalMs: number;
  readonly refreshPoolGaugesIntervalMs: number;
  readonly metricsStalenessThresholdMs: number;
  /** How long streams are still served after the order to stop. */
  readonly drainTimeoutMs: number;
  /** How long open streams may take to end after that, before they are cut off; 5 s when absent. */
  readonly streamDrainTimeoutMs?: number | undefined;
  /** Endpoints named after the first, for the gateway to fall back to. */
  readonly fallbackEndpoints: number;
  /** Longest wait of a request for producers, all together. */
  readonly answerDeadlineMs: number;
  /** How long made-up requests are served before the ports open; not at all when absent. */
  readonly warmUpMs?: number | undefined;
  readonly obeySubset: boolean;
  /** Tell the proxy the score of each candidate; no when absent. */
  readonly emitEndpointScores?: boolean | undefined;
  /** Seed of every random choice. */
  readonly seed: number;
}
