import type { Dialect, GrpcDialect, JsonDialect } from '../core/request.ts';
import { GrpcFrameReader, HttpBodyMessages, isGrpc, VllmMessages } from './response-grpc.ts';
import { JsonBodyReader } from './response-json.ts';
import { EventStreamReader } from './response-stream.ts';
import type { ResponseReader } from './response-reader.ts';
import type { Usage } from '../core/usage.ts';
import { USAGE_DIALECTS } from './usage-dialects.ts';

/**
 * Chooses the reader: undefined for a dialect nobody knows. A body that says it is an event stream is read as one;
 * of any other the first byte decides, because servers answer a streaming request with JSON too. Of a gRPC API only a
 * body of frames is read: anything else is a proxy's word.
 */
export function createResponseReader(dialect: Dialect, contentType: string | undefined): ResponseReader | undefined {
  if (dialect === 'none') return undefined;
  if (isGrpcDialect(dialect)) return isGrpc(contentType) ? new GrpcFrameReader(GRPC_MESSAGES[dialect]()) : undefined;
  if (contentType?.includes('text/event-stream') === true) return new EventStreamReader(USAGE_DIALECTS[dialect]);
  return new FirstByteReader(dialect);
}

/** What reads the messages of a body of gRPC frames. */
const GRPC_MESSAGES: Readonly<Record<GrpcDialect, () => ResponseReader>> = {
  'vllm-grpc': () => new VllmMessages('vllm-grpc'),
  'vllm-grpc-embed': () => new VllmMessages('vllm-grpc-embed'),
  'vertex-chat': () => new HttpBodyMessages(new FirstByteReader('openai')),
  'vertex-responses': () => new HttpBodyMessages(new FirstByteReader('responses')),
};

function isGrpcDialect(dialect: JsonDialect | GrpcDialect): dialect is GrpcDialect {
  return Object.hasOwn(GRPC_MESSAGES, dialect);
}

/** Waits for the first byte that is no space, then hands over. */
class FirstByteReader implements ResponseReader {
  readonly #dialect: JsonDialect;
  #reader: ResponseReader | undefined;

  constructor(dialect: JsonDialect) {
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
