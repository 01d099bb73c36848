import type { Reader } from 'protobufjs/minimal.js';
import type { GrpcDialect } from '../core/request.ts';
import { bytesTag, readFields, varintTag } from './proto-fields.ts';
import { asBuffer, HeldBytes } from './response-bytes.ts';
import type { ResponseReader } from './response-reader.ts';
import type { Usage } from '../core/usage.ts';
import { mergeUsage } from './usage.ts';

/** A longer message is not read; those that tell of tokens have some hundred bytes, and token ids of one answer. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** One byte of flags and the message's length, big endian. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const HEADER_BYTES = 5;

/** Whether a response's content type says that its body is gRPC frames. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|\s*$)/i.test(contentType);
}

/**
 * Cuts a body of gRPC frames into messages, wherever its pieces end, and hands each to a reader. Compressed and long
 * ones pass unread: of a frame that is skipped only the count of bytes still to come is kept. The bytes of a message
 * are lent: they change after `push` returns.
 */
export class GrpcFrameReader implements ResponseReader {
  readonly #messages: ResponseReader;
  /** The frame's first bytes where a piece ends in them; else empty. */
  readonly #header = new HeldBytes(HEADER_BYTES);
  readonly #message = new HeldBytes(MAX_MESSAGE_BYTES);
  /** Bytes of the current message still to come; 0 between frames. */
  #left = 0;
  #skipping = false;

  constructor(messages: ResponseReader) {
    this.#messages = messages;
  }

  get usage(): Usage | undefined {
    return this.#messages.usage;
  }

  get failed(): boolean {
    return this.#messages.failed;
  }

  get events(): number {
    return this.#messages.events;
  }

  push(piece: Uint8Array): void {
    const bytes = asBuffer(piece);
    let at = 0;
    while (at < bytes.length) at = this.#left === 0 ? this.#open(bytes, at) : this.#take(bytes, at);
  }

  finish(): void {
    this.#message.clear();
    this.#messages.finish();
  }

  #open(bytes: Buffer, at: number): number {
    const header = this.#header;
    const end = Math.min(at + HEADER_BYTES - header.length, bytes.length);
    header.append(bytes, at, end);
    if (header.length < HEADER_BYTES) return end;
    this.#left = header.bytes.readUInt32BE(1);
    this.#skipping = header.bytes[0] !== 0 || this.#left > MAX_MESSAGE_BYTES;
    header.clear();
    return end;
  }

  #take(bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#left, bytes.length);
    this.#left -= end - at;
    if (this.#skipping) return end;
    const held = this.#message;
    if (held.length === 0 && this.#left === 0) {
      this.#messages.push(bytes.subarray(at, end));
      return end;
    }
    held.append(bytes, at, end);
    if (this.#left > 0) return end;
    this.#messages.push(held.bytes.subarray(0, held.length));
    held.clear();
    return end;
  }
}

/** Field numbers of the counts in one message. */
interface CountFields {
  readonly prompt: number;
  readonly completion?: number;
  readonly cached?: number;
}

/** Field numbers of vLLM's responses. Source: contract `wire-protocol.md` 3.3. */
const CHUNK = 1;
const CHUNK_COUNTS: CountFields = { prompt: 2, completion: 3, cached: 4 };
const COMPLETE = 2;
const COMPLETE_COUNTS: CountFields = { prompt: 3, completion: 4, cached: 5 };
const EMBED_COUNTS: CountFields = { prompt: 2 };

/** Reads the counts of messages of `VllmEngine`. They grow from one message to the next, so later ones win. */
export class VllmMessages implements ResponseReader {
  usage: Usage | undefined;
  readonly failed = false;
  readonly events = 0;
  readonly #read: (message: Uint8Array) => Usage | undefined;

  constructor(dialect: Extract<GrpcDialect, 'vllm-grpc' | 'vllm-grpc-embed'>) {
    this.#read = dialect === 'vllm-grpc' ? generateUsage : (message) => counts(message, EMBED_COUNTS);
  }

  push(message: Uint8Array): void {
    try {
      this.usage = mergeUsage(this.usage, this.#read(message));
    } catch {
      // Not the message it should be: it passes unread, and what others told stays.
    }
  }

  finish(): void {
    // Nothing is held.
  }
}

function generateUsage(message: Uint8Array): Usage | undefined {
  let usage: Usage | undefined;
  const part = (fields: CountFields) => (reader: Reader) => {
    usage = mergeUsage(usage, counts(reader.bytes(), fields));
  };
  readFields(message, { [bytesTag(CHUNK)]: part(CHUNK_COUNTS), [bytesTag(COMPLETE)]: part(COMPLETE_COUNTS) });
  return usage;
}

/** Undefined where there is no count; protobuf leaves zeros out, so an absent one says nothing. */
function counts(message: Uint8Array, { prompt, completion, cached }: CountFields): Usage | undefined {
  const told: { promptTokens?: number; completionTokens?: number; cachedTokens?: number } = {};
  const into = (field: number | undefined, name: keyof typeof told) =>
    field === undefined
      ? {}
      : {
          [varintTag(field)]: (reader: Reader) => {
            told[name] = reader.uint32();
          },
        };
  readFields(message, {
    ...into(prompt, 'promptTokens'),
    ...into(completion, 'completionTokens'),
    ...into(cached, 'cachedTokens'),
  });
  return Object.keys(told).length === 0 ? undefined : told;
}

/** Field number. Source: google/api/httpbody.proto. */
const HTTP_BODY_DATA = 2;

/** Takes the HTTP body out of Vertex AI's messages, which are one `HttpBody` each, and has it read as such. */
export class HttpBodyMessages implements ResponseReader {
  readonly #body: ResponseReader;

  constructor(body: ResponseReader) {
    this.#body = body;
  }

  get usage(): Usage | undefined {
    return this.#body.usage;
  }

  get failed(): boolean {
    return this.#body.failed;
  }

  get events(): number {
    return this.#body.events;
  }

  push(message: Uint8Array): void {
    let data: Uint8Array | undefined;
    try {
      readFields(message, {
        [bytesTag(HTTP_BODY_DATA)]: (reader) => {
          data = reader.bytes();
        },
      });
    } catch {
      return;
    }
    if (data !== undefined) this.#body.push(data);
  }

  finish(): void {
    this.#body.finish();
  }
}
