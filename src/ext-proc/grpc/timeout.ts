import { status } from '@grpc/grpc-js';
import { GrpcFault } from './fault.ts';

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Longest delay a timer takes; later is never. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The milliseconds of a `grpc-timeout` header, at most what a timer takes; undefined when there is none. Throws
 * `GrpcFault` when it is malformed. Source: gRPC over HTTP2, "Timeout".
 */
export function timeoutMsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new GrpcFault(status.OUT_OF_RANGE, `Invalid grpc-timeout value "${header}"`);
  }
  return Math.min(Number(digits) * UNIT_MS[unit], MAX_TIMER_MS);
}
