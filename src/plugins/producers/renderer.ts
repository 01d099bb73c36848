import { CallError, type HttpClient } from '../../core/http-client.ts';
import type { RenderRequest, TokenizedPrompt } from '../../core/prompt.ts';
import type { PluginContext } from '../../core/plugin.ts';
import type { Timers } from '../../core/timers.ts';
import { isJsonObject } from '../../payload/json-object.ts';
import { promptOf } from '../../payload/prompt-bytes.ts';
import { promptOfIds, readPlaceholders } from '../../payload/prompt-features.ts';
import { isTokenIds } from '../../payload/prompt-text.ts';
import type { RenderSettings } from './token-parameters.ts';

const PATHS = { chat: '/v1/chat/completions/render', completions: '/v1/completions/render' } as const;

/** A million token ids are 7 MB of JSON; beside them may come the pictures, worked up for the model. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Asked of a server that does not answer yet, or no more. Source: contract 3.5. */
const PROBE_INTERVAL_MS = 5000;
const WARM_UP_TRIES = 24;
/** Failures in a row after which requests do without the server until a probe is answered. */
const MAX_FAILURES = 3;
/** What says something about the request and nothing about the server. */
const REQUEST_REFUSED: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

/** The smallest PNG: one white pixel. */
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg==';

/** Of the time a decision may wait, how much a server may take: the rest is for the estimate that stands in for it. */
const DEADLINE_SHARE = 0.9;

type RendererParts = Pick<PluginContext, 'http' | 'timers' | 'answerDeadlineMs'>;

/**
 * Has prompts tokenized by a vLLM server's render API. Warms the server up when it is made; stops asking one that failed
 * several times in a row, so that a dead server costs a few requests their wait and not all of them, and probes it until
 * it answers again.
 */
export class Renderer {
  readonly #settings: RenderSettings;
  readonly #modelName: string;
  readonly #http: HttpClient;
  readonly #timers: Timers;
  /** Leaves time for the estimate before the answer is due. */
  readonly #longestMs: number;
  #failures = 0;
  #probing = false;
  #warm = false;
  #closed = false;
  #cancel = (): void => {};

  constructor(settings: RenderSettings, modelName: string, { http, timers, answerDeadlineMs }: RendererParts) {
    this.#settings = settings;
    this.#modelName = modelName;
    this.#http = http;
    this.#timers = timers;
    this.#longestMs = DEADLINE_SHARE * answerDeadlineMs;
    this.#probe(WARM_UP_TRIES);
  }

  /** Whether it is worth asking now. */
  get answering(): boolean {
    return this.#failures < MAX_FAILURES;
  }

  /** Rejects with an `Error` that says what went wrong where. */
  async render(request: RenderRequest): Promise<TokenizedPrompt> {
    try {
      const prompt = await this.#call(request);
      this.#failures = 0;
      return prompt;
    } catch (error) {
      if (error instanceof CallError && REQUEST_REFUSED.has(error.status)) this.#failures = 0;
      else if (++this.#failures === MAX_FAILURES) this.#probe(1);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #call(request: RenderRequest): Promise<TokenizedPrompt> {
    const { url, timeout, mmTimeout } = this.#settings;
    // Late is of no use: the decision does not wait, and what is known by then is an estimate.
    const timeoutMs = Math.min(request.media ? mmTimeout : timeout, this.#longestMs);
    const limits = { timeoutMs, maxBytes: MAX_ANSWER_BYTES };
    const target = url + PATHS[request.api];
    const answer = await this.#http.postJson(target, request.body(), limits);
    const prompt = request.api === 'chat' ? readChat(answer) : readCompletions(answer);
    if (prompt === undefined) throw new CallError(`POST ${target}: an answer without token ids`);
    return prompt;
  }

  /** Asks until there is an answer: `tries` times, and on while requests do without the server. One round at a time. */
  #probe(tries: number): void {
    if (this.#probing || this.#closed) return;
    this.#probing = true;
    this.#ask(tries);
  }

  #ask(tries: number): void {
    void this.#call(this.#trial('warmup')).then(
      () => {
        this.#probing = false;
        this.#failures = 0;
        this.#warmUpMedia();
      },
      () => {
        if (this.#closed || (tries <= 1 && this.answering)) this.#probing = false;
        else this.#cancel = this.#timers.after(PROBE_INTERVAL_MS, () => this.#ask(tries - 1));
      },
    );
  }

  /** Once, for what it is worth: most models refuse pictures. */
  #warmUpMedia(): void {
    if (this.#warm) return;
    this.#warm = true;
    void this.#call(this.#trial([{ type: 'image_url', image_url: { url: PIXEL } }])).catch(() => {});
  }

  #trial(content: unknown): RenderRequest {
    const chat = { model: this.#modelName, messages: [{ role: 'user', content }] };
    return { api: 'chat', media: typeof content !== 'string', body: () => JSON.stringify(chat) };
  }
}

function readChat(answer: unknown): TokenizedPrompt | undefined {
  if (!isJsonObject(answer) || !isTokenIds(answer.token_ids)) return undefined;
  return promptOfIds(answer.token_ids, readPlaceholders(answer.features));
}

/** One answer for each prompt. */
function readCompletions(answer: unknown): TokenizedPrompt | undefined {
  if (!Array.isArray(answer) || answer.length === 0) return undefined;
  const prompts = answer.map((item: unknown) => readChat(item)?.prompts[0]);
  return prompts.every((prompt) => prompt !== undefined) ? promptOf(prompts) : undefined;
}
