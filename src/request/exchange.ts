import type { Rejection } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';

/** What the proxy attached to a message about this request. Decoded only when asked. */
export interface ProxyMetadata {
  /** Namespace `envoy.lb.subset_hint`: the only endpoints allowed, or undefined when the proxy set no limit. */
  subset(): readonly string[] | undefined;
  /** Namespace `envoy.lb`: the `host:port` that really answered, once the proxy knows it. */
  served(): string | undefined;
}

/** The proxy attached nothing. */
export const NO_METADATA: ProxyMetadata = { subset: () => undefined, served: () => undefined };

/** Go: send the request to the first of `destination` that answers. */
export interface Picked {
  readonly kind: 'picked';
  /** Comma-separated `host:port`, best first: destination header and `envoy.lb` metadata, identical. */
  readonly destination: string;
  /** Headers to set on the request besides the destination. */
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
}

/** Stop: answer the client with this refusal. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly rejection: Rejection;
}

export type Outcome = Picked | Rejected;

/** How a stream ended: whole, by the peer's leave, or by a fault. */
export type StreamEnd = 'complete' | 'client-disconnect' | 'error';

/**
 * One request's life as the wire drives it, in this order: `decide` at most once, then the response calls, then `end`
 * exactly once on every path. No call throws; a fault inside becomes an `Internal` refusal.
 */
export interface Exchange {
  /** Names the endpoint. `pieces` is the whole body as it came, or undefined for a request without one. */
  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome | Promise<Outcome>;
  responseHeaders(headers: Headers, metadata: ProxyMetadata): void;
  /** A piece of the response body; it is forwarded by the wire, this only looks. */
  responseBody(piece: Uint8Array): void;
  end(how: StreamEnd): void;
}

/** Opens an exchange when the request's headers arrive. */
export interface Director {
  open(headers: Headers): Exchange;
}
