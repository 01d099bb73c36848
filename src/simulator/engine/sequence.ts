import { TokenChain, type Prompt } from './prompt.ts';

/** Why a sequence ended by itself: the model was done, or the client's limit was reached. */
export type FinishReason = 'stop' | 'length';

/** Where a sequence's output goes. Called once per token, in order; `finish` comes with the last one. */
export interface TokenSink {
  onToken(token: number, finish: FinishReason | undefined): void;
}

/** What a client asks the engine for. */
export interface GenerationRequest {
  readonly prompt: Prompt;
  /** Tokens to generate; exactly so many come. At least 1. */
  readonly maxTokens: number;
  /** What ends the output at `maxTokens`: a model that had its say, or the limit. */
  readonly finishReason: FinishReason;
  /** The next token of the output. Decides which blocks a later prompt can share with this output. */
  readonly nextToken: () => number;
  readonly sink: TokenSink;
  /** Whether another server has computed the prompt and sends its keys and values. */
  readonly received?: boolean | undefined;
}

/** One request's life in the engine. Times are simulated milliseconds. */
export class Sequence {
  readonly prompt: Prompt;
  readonly maxTokens: number;
  readonly request: GenerationRequest;
  readonly arrivedMs: number;
  queuedMs = 0;
  /** Steps the engine had begun when it joined the queue. */
  queuedAtStep = 0;
  admittedMs = -1;
  firstTokenMs = 0;
  lastTokenMs = 0;

  /** Tokens made so far. */
  generated = 0;
  /** Tokens the sink has seen. */
  delivered = 0;
  /** Tokens whose keys and values are in the cache. */
  computed = 0;
  /** Prompt tokens not computed on first admission: found in the cache, or received. */
  cachedTokens = 0;
  /** Those of them that another server computed. */
  receivedTokens = 0;
  /** Held blocks, front to tail. */
  blocks: number[] = [];
  /** Hashes of all whole blocks, of the prompt and then of the output. */
  readonly hashes: number[];
  readonly #chain: TokenChain;

  /** Tokens this sequence has in the step under way. */
  stepTokens = 0;
  /** The token made in the last step, until it is delivered. */
  token = 0;
  /** Gone: finished or given up by the client. */
  done = false;

  constructor(request: GenerationRequest, arrivedMs: number) {
    this.request = request;
    this.prompt = request.prompt;
    this.maxTokens = request.maxTokens;
    this.arrivedMs = arrivedMs;
    this.hashes = [...request.prompt.hashes];
    this.#chain = new TokenChain(request.prompt.chain, request.prompt.tokens);
  }

  /** Prompt and output together. */
  get length(): number {
    return this.prompt.tokens + this.generated;
  }

  /** Makes the next token. */
  sample(): void {
    this.token = this.request.nextToken();
    this.generated += 1;
    if (this.#chain.add(this.token)) this.hashes.push(this.#chain.hash());
  }
}
