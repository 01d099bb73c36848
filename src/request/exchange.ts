import type { Rejection } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';
import type { StreamEnd } from '../core/hooks.ts';
import type { Dialect } from '../core/request.ts';
import type { HeaderChanges, Metadata } from './header-changes.ts';

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
  /** Lower-case names of headers the server must not see. */
  readonly removeHeaders: readonly string[];
  /** The body to send instead of the one that came; undefined sends it as it came. */
  readonly body?: readonly Uint8Array[] | undefined;
  /** Score of each scored candidate by `host:port`, to be told to the proxy; undefined tells it nothing. */
  readonly scores?: ReadonlyMap<string, number> | undefined;
}

/** Stop: answer the client with this refusal. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly rejection: Rejection;
  /** Whose error object the client expects. */
  readonly dialect: Dialect;
}

export type Outcome = Picked | Rejected;

/**
 * One request's life as the wire drives it, in this order: `decide` at most once, then the response calls, then `end`
 * exactly once on every path. No call throws; a fault inside becomes an `Internal` refusal.
 */
export interface Exchange {
  /** Names the endpoint. `pieces` is the whole body as it came, or undefined for a request without one. */
  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome | Promise<Outcome>;
  /** Returns what is to change in the headers; undefined for nothing. */
  responseHeaders(headers: Headers, metadata: ProxyMetadata): HeaderChanges | undefined;
  /**
   * A piece of the response body, `last` when nothing follows. Returns the bytes to forward in its place: the piece
   * itself where nothing changes; fewer where the end may be half of something, which then comes with the next ones.
   */
  responseBody(piece: Uint8Array, last: boolean): Uint8Array;
  /** The body ended with trailers instead of a last piece: returns what was held back. */
  responseTrailers(): Uint8Array;
  /** Asked once the body has ended: metadata to go with the last answer. */
  responseMetadata(): Metadata | undefined;
  end(how: StreamEnd): void;
}

/** Opens an exchange when the request's headers arrive. */
export interface Director {
  open(headers: Headers): Exchange;
}
