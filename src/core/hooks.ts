import type { Endpoint } from './endpoint.ts';
import type { Headers } from './headers.ts';
import type { InferenceRequest } from './request.ts';
import type { Schedule } from './schedule.ts';
import type { Usage } from './usage.ts';

/** How a stream ended: whole, by the peer's leave, or by a fault. */
export type StreamEnd = 'complete' | 'client-disconnect' | 'error';

/** Changes a plugin makes to headers on their way. Names are lower-case; a later change of one name wins. */
export interface HeaderEdits {
  set(name: string, value: string): void;
  remove(name: string): void;
}

/** Writes numbers and texts into the metadata of an answer, for the proxy's own use. */
export interface MetadataEdits {
  set(namespace: string, key: string, value: number | string): void;
}

/** The response as its headers tell it. */
export interface ResponseHead {
  readonly headers: Headers;
  /** `host:port` that answered as the proxy tells it, undefined where it does not. */
  readonly served: string | undefined;
  /** The endpoint that answered as far as we know: the served one, or the first picked. */
  readonly endpoint: Endpoint;
}

/**
 * Follows one accepted request from its pick to the end of its stream. Bound to that stream, so what it holds is let
 * go exactly once, whatever the client calls its requests. Must not throw.
 */
export interface Follower {
  /** The response began. `edits` change the headers the client sees. */
  onResponse?(head: ResponseHead, edits: HeaderEdits): void;
  /** The first piece of the response body. */
  onFirstPiece?(): void;
  /** The body ended; `usage` is what the server said of its tokens. `metadata` goes with the last answer. */
  onComplete?(usage: Usage | undefined, metadata: MetadataEdits): void;
  /** The stream ended; called exactly once, last. */
  onEnd?(how: StreamEnd): void;
}

/** Optional parts any plugin may have, called at their moment in a request's life. */
export interface Hooks {
  /** Whose fair share a request comes out of, when its headers name nobody; the first plugin with an answer counts. */
  fairnessId?(headers: Headers): string | undefined;
  /**
   * After the pick and before the answer goes out; must not throw. `edits` change the headers the server sees. Who
   * wants to see the response returns a follower.
   */
  onPicked?(request: InferenceRequest, schedule: Schedule, edits: HeaderEdits): Follower | void;
  /** Whether the instance can do its work yet; while one cannot, the picker is not ready. Absent means yes. */
  ready?(): boolean;
  /** A slot was vacated; whatever was kept about it must go. */
  onEndpointRemoved?(slot: number): void;
  /** The instance is of no more use: timers and connections must go. */
  close?(): void;
}
