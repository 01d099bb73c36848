/**
 * Every way a request can be refused, in one closed table: contract `wire-protocol.md` section 4.
 * Codes are the `error_code` metric label and part of the body text.
 */
export const ERROR_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  PreconditionFailed: 412,
  ResourceExhausted: 429,
  Internal: 500,
  ServiceUnavailable: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Values of the `x-llm-d-request-dropped-reason` response header. */
export type DropReason =
  | 'rejected-saturated'
  | 'rejected-no-endpoints'
  | 'rejected-ttl-expired'
  | 'rejected-context-cancelled'
  | 'rejected-shutting-down'
  | 'evicted';

/** A refusal on its way to the client. A value, not an exception: refusing is an expected outcome. */
export class Rejection {
  readonly code: ErrorCode;
  readonly message: string;
  readonly dropReason: DropReason | undefined;
  /** When trying again is worth it, as the `retry-after` header tells the client; undefined tells nothing. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, dropReason?: DropReason, retryAfterSeconds?: number) {
    this.code = code;
    this.message = message;
    this.dropReason = dropReason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Builds a refusal. */
export function reject(
  code: ErrorCode,
  message: string,
  dropReason?: DropReason,
  retryAfterSeconds?: number,
): Rejection {
  return new Rejection(code, message, dropReason, retryAfterSeconds);
}

/** Nobody is there to serve: empty pool, empty subset, or nothing of the subset in the pool. */
export const NO_ENDPOINTS = reject(
  'ServiceUnavailable',
  'failed to find endpoint candidates for serving the request',
  'rejected-no-endpoints',
);

/** The filters of the profile left nobody. */
export const FILTERED_OUT = reject(
  'ResourceExhausted',
  'no endpoints available for the given request',
  'rejected-saturated',
);

/** The text a client reads; the cause is logged, never sent. */
export function rejectionBody(rejection: Rejection): string {
  return `inference error: ${rejection.code} - ${rejection.message}`;
}

/** A configuration or start-up mistake, told in one line that names where it is and what would be right. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
