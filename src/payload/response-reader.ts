import type { Dialect } from '../core/request.ts';
import { JsonBodyReader } from './response-json.ts';
import { EventStreamReader } from './response-stream.ts';
import type { Usage } from './usage.ts';
import { USAGE_DIALECTS } from './usage-dialects.ts';

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

/**
 * Chooses the reader: undefined for a dialect nobody knows. A body that says it is an event stream is read as one;
 * of any other the first byte decides, because servers answer a streaming request with JSON too.
 */
export function createResponseReader(dialect: Dialect, contentType: string | undefined): ResponseReader | undefined {
  if (dialect === 'none') return undefined;
  if (contentType?.includes('text/event-stream') === true) return new EventStreamReader(USAGE_DIALECTS[dialect]);
  return new FirstByteReader(dialect);
}

/** Waits for the first byte that is no space, then hands over. */
class FirstByteReader implements ResponseReader {
  readonly #dialect: Exclude<Dialect, 'none'>;
  #reader: ResponseReader | undefined;

  constructor(dialect: Exclude<Dialect, 'none'>) {
    this.#dialect = dialect;
  }

  get usage(): Usage | undefined {
    return this.#reader?.usage;
  }

  get failed(): boolean {
    return this.#reader?.failed ?? false;
  }

  get events(): number {
    return this.#reader?.events ?? 0;
  }

  push(piece: Uint8Array): void {
    if (this.#reader === undefined) {
      const first = piece.find((byte) => byte > 0x20);
      if (first === undefined) return;
      const json = first === 0x7b || first === 0x5b;
      const dialect = USAGE_DIALECTS[this.#dialect];
      this.#reader = json ? new JsonBodyReader(dialect) : new EventStreamReader(dialect);
    }
    this.#reader.push(piece);
  }

  finish(): void {
    this.#reader?.finish();
  }
}
