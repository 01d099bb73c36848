import type { Headers } from '../core/headers.ts';
import type { MediaTokens, RenderRequest, TokenizedPrompt } from '../core/prompt.ts';
import type { Api, ByteSpan, Dialect, InferenceBody } from '../core/request.ts';
import { stringField } from './json-fields.ts';
import { type JsonObject, joinPieces } from './json-object.ts';
import { modelSpan } from './json-span.ts';
import type { MakeRenderRequest } from './render-request.ts';

/** What a parser found out about a JSON body besides its common fields. */
export interface JsonBodyFacts {
  readonly api: Api;
  readonly dialect: Dialect;
  readonly maxOutputTokens?: number | undefined;
  /** Name of the field that splits the prefix cache, `cache_salt` by default. */
  readonly saltField?: string;
  /** Whether the server may be asked for another model by editing the body, and needs one named. True by default. */
  readonly renamable?: boolean;
  /** Whether the prompt came as token ids. False by default. */
  readonly tokenized?: boolean;
  /** Builds the prompt; called on first use. */
  readonly prompt: (media: MediaTokens, headers: Headers) => TokenizedPrompt;
  /** How to have it rendered, where that is possible. */
  readonly render?: MakeRenderRequest;
}

/** A JSON request body: what is dear to know is worked out when somebody asks. */
export class JsonBody implements InferenceBody {
  readonly api: Api;
  readonly dialect: Dialect;
  readonly model: string;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly cacheSalt: string;
  readonly modelOptional: boolean;
  readonly tokenized: boolean;
  readonly #pieces: readonly Uint8Array[];
  readonly #makePrompt: JsonBodyFacts['prompt'];
  readonly #makeRender: MakeRenderRequest | undefined;
  #prompt: TokenizedPrompt | undefined;
  #promptMedia: MediaTokens | undefined;
  #span: ByteSpan | undefined;

  constructor(pieces: readonly Uint8Array[], body: JsonObject, facts: JsonBodyFacts) {
    this.api = facts.api;
    this.dialect = facts.dialect;
    this.model = stringField(body, 'model');
    this.stream = body.stream === true;
    this.maxOutputTokens = facts.maxOutputTokens;
    this.cacheSalt = stringField(body, facts.saltField ?? 'cache_salt');
    this.modelOptional = facts.renamable === false;
    this.#pieces = pieces;
    this.tokenized = facts.tokenized === true;
    this.#makePrompt = facts.prompt;
    this.#makeRender = facts.render;
  }

  /** Found by reading the bytes once more, so only for the request that is renamed. */
  get modelSpan(): ByteSpan | undefined {
    if (this.modelOptional) return undefined;
    return (this.#span ??= modelSpan(joinPieces(this.#pieces)));
  }

  prompt(media: MediaTokens, headers: Headers): TokenizedPrompt {
    if (this.#prompt === undefined || this.#promptMedia !== media) {
      this.#prompt = this.#makePrompt(media, headers);
      this.#promptMedia = media;
    }
    return this.#prompt;
  }

  renderRequest(model: string): RenderRequest | undefined {
    return this.#makeRender?.(this.#pieces, model);
  }
}
