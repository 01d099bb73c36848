import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { DecisionListener } from '../scheduling/decision.ts';

/** How the demo asks for a picker. */
export interface StartPickerOptions {
  /** An `EndpointPickerConfig` in YAML. */
  readonly configText: string;
  /** Whether the gRPC port speaks TLS with a self-signed certificate. */
  readonly secure: boolean;
  /** Decides ties. */
  readonly seed: number;
}

/** A picker that runs in this process, on free ports of 127.0.0.1. */
export interface DemoPicker {
  readonly grpcPort: number;
  readonly metricsPort: number;
  readonly table: EndpointTable;
  /** `listener` hears every decision from now on; it must be quick and must not throw. */
  onDecision(listener: DecisionListener | undefined): void;
  stop(): Promise<void>;
}

export type StartPicker = (options: StartPickerOptions) => Promise<DemoPicker>;
