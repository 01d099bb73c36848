import type { Clock } from '../core/clock.ts';
import type { EndpointView } from '../core/endpoint.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Director } from '../request/exchange.ts';
import type { DecisionListener } from '../scheduling/decision.ts';

/** Where tracing says what it cannot do. */
export interface TracingLog {
  info(message: string): void;
  warn(message: string): void;
}

/** What tracing needs from the picker. */
export interface TracingOptions {
  /** The clock that times decisions. */
  readonly clock: Clock;
  readonly log: TracingLog;
  /** Version of the picker, for the spans' resource. */
  readonly version: string;
}

/** Tracing that is on. */
export interface Tracing {
  /** Puts spans around a director's requests; `endpoints` gives the picked slots their addresses. */
  wrap(director: Director, endpoints: EndpointView): Director;
  /**
   * Who is to be told how this request is decided: we where it is recorded, and `other`, who listens besides us. For
   * `ProfileDeps.decisionListener`.
   */
  listener(request: InferenceRequest, other?: DecisionListener): DecisionListener | undefined;
  /** Sends what is left, for a bounded time, and stops. Never rejects. */
  shutdown(): Promise<void>;
}
