import type { Api, ByteSpan, Dialect, InferenceBody } from '../core/request.ts';
import { stringField } from './json-fields.ts';
import { type JsonObject, joinPieces } from './json-object.ts';
import { modelSpan } from './json-span.ts';

/** What a parser found out about a JSON body besides its common fields. */
export interface JsonBodyFacts {
  readonly api: Api;
  readonly dialect: Dialect;
  readonly maxOutputTokens?: number | undefined;
  /** Name of the field that splits the prefix cache, `cache_salt` by default. */
  readonly saltField?: string;
  /** Whether the server may be asked for another model by editing the body, and needs one named. True by default. */
  readonly renamable?: boolean;
  /** Builds the prompts; called once, on first use. */
  readonly prompts: () => readonly Uint8Array[];
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
  readonly #pieces: readonly Uint8Array[];
  readonly #makePrompts: () => readonly Uint8Array[];
  #prompts: readonly Uint8Array[] | undefined;
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
    this.#makePrompts = facts.prompts;
  }

  /** Found by reading the bytes once more, so only for the request that is renamed. */
  get modelSpan(): ByteSpan | undefined {
    if (this.modelOptional) return undefined;
    return (this.#span ??= modelSpan(joinPieces(this.#pieces)));
  }

  prompts(): readonly Uint8Array[] {
    return (this.#prompts ??= this.#makePrompts());
  }
}
