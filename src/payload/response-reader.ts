import type { Usage } from '../core/usage.ts';

/** Reads a response as it passes; never changes it, never holds more than a bounded part of it. */
export interface ResponseReader {
  /** Tokens told so far; undefined until some are. */
  readonly usage: Usage | undefined;
  /** Whether an event of the stream told of a failure, though the status was 200. */
  readonly failed: boolean;
  /** Events of the stream so far, the closing `[DONE]` not counted; 0 for other bodies. */
  readonly events: number;
  push(piece: Uint8Array): void;
  /** Nothing follows. */
  finish(): void;
}
