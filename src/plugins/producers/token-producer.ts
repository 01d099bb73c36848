import { dataKey, type Reader, TOKENIZED_PROMPT, type TokenizedPrompt, type Writer } from '../../core/data.ts';
import type { Hooks } from '../../core/hooks.ts';
import type { Producer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext, type PluginMeter } from '../../core/plugin.ts';
import type { MediaTokens } from '../../core/prompt.ts';
import type { InferenceBody, InferenceRequest } from '../../core/request.ts';
import { MEDIA_DEFAULTS, MediaEstimate } from '../../payload/prompt-media.ts';
import { Renderer } from './renderer.ts';
import { renderDefaults, type TokenParameters, tokenParameters } from './token-parameters.ts';

/** Between the end of the server's time and the end of ours: room for an estimate in its place. */
const MARGIN_MS = 400;

/**
 * Publishes a request's tokens. The estimate packs text four bytes to a token, which serves to compare and to measure
 * prompts (contract 3.5). `vllm` asks a render server for the true ones.
 *
 * Tokens are the request's own: they are published under the default key whatever the instance is called, and whoever
 * comes first counts, so a renamed producer is not joined by a default one that knows less.
 *
 * Where a server cannot render a prompt it is estimated. True and estimated tokens never match one another, so prefix
 * affinity starts anew for as long as the server is away; but it holds meanwhile, and load is still known in tokens.
 */
export const tokenProducer = definePlugin({
  kind: 'producer',
  type: 'token-producer',
  stability: 'beta',
  summary: "Tokenizes prompts, by an estimate or by a vLLM server's render API.",
  config: tokenParameters,
  produces: () => [dataKey(TOKENIZED_PROMPT)],
  create: (config, context) =>
    config.modelName === '' ? new EstimatedTokens(config, context) : new RenderedTokens(config, context),
});

class EstimatedTokens implements Producer {
  readonly #media: MediaTokens;
  readonly #read: Reader<TokenizedPrompt>;
  readonly #publish: Writer<TokenizedPrompt>;

  constructor({ estimate }: TokenParameters, context: PluginContext) {
    this.#media = new MediaEstimate(estimate ?? MEDIA_DEFAULTS);
    this.#read = context.read(dataKey(TOKENIZED_PROMPT));
    this.#publish = context.write(dataKey(TOKENIZED_PROMPT));
  }

  produce(request: InferenceRequest): void {
    const body = this.bodyOf(request);
    if (body !== undefined) this.estimate(request, body);
  }

  /** The body of a request that has a prompt and no tokens yet. */
  bodyOf(request: InferenceRequest): InferenceBody | undefined {
    const { body } = request;
    return body === undefined || body.api === 'opaque' || this.#read(request) !== undefined ? undefined : body;
  }

  /** Publishes what can be told without a server: of a prompt that came as token ids, that is the truth. */
  estimate(request: InferenceRequest, body: InferenceBody): void {
    this.publish(request, body.prompt(this.#media, request.headers));
  }

  publish(request: InferenceRequest, prompt: TokenizedPrompt): void {
    if (prompt.tokens > 0) this.#publish(request, prompt);
  }
}

class RenderedTokens implements Producer, Hooks {
  readonly timeoutMs: number;
  readonly #modelName: string;
  readonly #estimated: EstimatedTokens;
  readonly #renderer: Renderer;
  readonly #meter: PluginMeter;

  constructor(config: TokenParameters, context: PluginContext) {
    const settings = config.vllm ?? renderDefaults();
    this.timeoutMs = Math.max(settings.timeout, settings.mmTimeout) + MARGIN_MS;
    this.#modelName = config.modelName;
    this.#estimated = new EstimatedTokens(config, context);
    this.#renderer = new Renderer(settings, config.modelName, context);
    this.#meter = context.meter;
  }

  produce(request: InferenceRequest): void | Promise<void> {
    const body = this.#estimated.bodyOf(request);
    if (body === undefined) return undefined;
    return body.tokenized === true ? this.#estimated.estimate(request, body) : this.#render(request, body);
  }

  close(): void {
    this.#renderer.close();
  }

  async #render(request: InferenceRequest, body: InferenceBody): Promise<void> {
    try {
      const rendering = body.renderRequest?.(this.#modelName);
      if (rendering !== undefined && this.#renderer.answering) {
        return this.#estimated.publish(request, await this.#renderer.render(rendering));
      }
      if (rendering !== undefined) this.#meter.renderFallback();
      return this.#estimated.estimate(request, body);
    } catch (error) {
      this.#meter.renderFallback();
      this.#estimated.estimate(request, body);
      throw new Error(`the prompt is estimated instead: ${(error as Error).message}`, { cause: error });
    }
  }
}
