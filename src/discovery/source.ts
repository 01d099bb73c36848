import type { EndpointSpec } from '../core/endpoint.ts';

/** Where discovered endpoints go. */
export interface EndpointSink {
  /** The pool is now exactly this; no two specs share an identity. */
  replace(specs: readonly EndpointSpec[]): void;
}

/** Says which endpoints exist, until closed. */
export interface DiscoverySource {
  /** After this resolves the sink hears nothing more. May be called twice. */
  close(): Promise<void>;
}

/** The part of a logger discovery needs. */
export interface DiscoveryLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
