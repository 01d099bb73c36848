import type { Headers } from './headers.ts';
import type { MediaTokens, RenderRequest, TokenizedPrompt } from './prompt.ts';

/** Which API a body speaks; `opaque` bodies are routed without being read. */
export type Api =
  | 'chat'
  | 'completions'
  | 'embeddings'
  | 'responses'
  | 'conversations'
  | 'images'
  | 'messages'
  | 'generate'
  | 'opaque';

/** APIs whose bodies are JSON or a stream of JSON events. */
export type JsonDialect = 'openai' | 'responses' | 'anthropic' | 'vllm' | 'sglang';

/** APIs whose bodies are gRPC frames; those of Vertex AI wrap the JSON of another API. */
export type GrpcDialect = 'vllm-grpc' | 'vllm-grpc-embed' | 'vertex-chat' | 'vertex-responses';

/** Whose error objects, usage fields and events a client of an API expects; `none` where nobody knows. */
export type Dialect = JsonDialect | GrpcDialect | 'none';

/** Where a value stands in the body, in bytes from its first; `end` is the byte after the last. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** What was read from a request body. The bytes themselves are forwarded as they came. */
export interface InferenceBody {
  readonly api: Api;
  readonly dialect: Dialect;
  /**
   * The model's value as it stands in the bytes, quotes included, or an empty span where a missing one would go (see
   * `payload/model-rename.ts`); undefined where a rename is not possible. Reading it may cost a pass over the body.
   */
  readonly modelSpan?: ByteSpan | undefined;
  /** Model named in the body; empty when it names none. */
  readonly model: string;
  /** The server has one model, or finds it otherwise: a body that names none is complete, and is never renamed. */
  readonly modelOptional?: boolean | undefined;
  /** Whether the client asked for a stream of events. */
  readonly stream: boolean;
  /** Upper bound of generated tokens, when the client set one. */
  readonly maxOutputTokens: number | undefined;
  /** Splits the prefix cache between tenants; empty when absent. */
  readonly cacheSalt: string;
  /** Whether the client sent token ids: then `prompt` estimates nothing. */
  readonly tokenized?: boolean | undefined;
  /**
   * What the model is to read, built on first use: a request nobody asks about never pays. Text counts as a token every
   * four bytes, media as `media` says. Source: contract `wire-protocol.md` 3.3 and 3.5.
   */
  prompt(media: MediaTokens, headers: Headers): TokenizedPrompt;
  /** How to have the prompt tokenized by a server of `model`; undefined where no server's API takes it. */
  renderRequest?(model: string): RenderRequest | undefined;
}

/** One request on its way through the picker. */
export interface InferenceRequest {
  /** The client's or proxy's `x-request-id`; never used as a key of our own books, clients repeat it. */
  readonly id: string;
  readonly receivedAtMs: number;
  readonly headers: Headers;
  readonly path: string;
  /** Undefined for requests without a body. */
  readonly body: InferenceBody | undefined;
  /** Bytes of the request body. */
  readonly bodyBytes: number;
  /** Model the client named; empty for opaque bodies. */
  readonly model: string;
  /** Model the server is asked for. */
  readonly targetModel: string;
  readonly priority: number;
  readonly fairnessId: string;
  /** Per-request data of producers, indexed by compiled key; see `data.ts`. */
  readonly data: unknown[];
}
