import { Histogram } from '../../lib/histogram.ts';
import type { FinishReason, Sequence } from './sequence.ts';

const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];
const TOKEN_SECONDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const REQUEST_SECONDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const STEP_TOKENS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384];
const CHOICES = [1, 2, 5, 10, 20];

/** 1, 2, 5, 10, ... up to the longest sequence the model takes. */
function tokenBounds(maxModelLen: number): number[] {
  const bounds: number[] = [];
  for (let power = 1; ; power *= 10) {
    for (const mantissa of [1, 2, 5]) {
      if (mantissa * power > maxModelLen) return bounds;
      bounds.push(mantissa * power);
    }
  }
}

/** What a server tells about itself on its metrics page. Gauges hold what the last step left. */
export class EngineStats {
  running = 0;
  waiting = 0;
  kvUsage = 0;
  prefixQueries = 0;
  prefixHits = 0;
  promptTokens = 0;
  promptTokensCached = 0;
  promptTokensReceived = 0;
  promptTokensRecomputed = 0;
  generationTokens = 0;
  preemptions = 0;
  /** Requests the engine completed, by reason. Aborted ones are missing here, as they are in vLLM. */
  readonly finished: Record<FinishReason, number> = { stop: 0, length: 0 };
  readonly firstToken = new Histogram(FIRST_TOKEN_SECONDS);
  readonly interToken = new Histogram(TOKEN_SECONDS);
  readonly perOutputToken = new Histogram(TOKEN_SECONDS);
  readonly endToEnd = new Histogram(REQUEST_SECONDS);
  readonly queueTime = new Histogram(REQUEST_SECONDS);
  readonly inferenceTime = new Histogram(REQUEST_SECONDS);
  readonly prefillTime = new Histogram(REQUEST_SECONDS);
  readonly decodeTime = new Histogram(REQUEST_SECONDS);
  readonly stepTokens = new Histogram(STEP_TOKENS);
  readonly choices = new Histogram(CHOICES);
  readonly promptLength: Histogram;
  readonly generationLength: Histogram;
  readonly maxGenerationLength: Histogram;
  readonly maxTokensParameter: Histogram;
  readonly prefillComputed: Histogram;

  constructor(maxModelLen: number) {
    const bounds = tokenBounds(maxModelLen);
    this.promptLength = new Histogram(bounds);
    this.generationLength = new Histogram(bounds);
    this.maxGenerationLength = new Histogram(bounds);
    this.maxTokensParameter = new Histogram(bounds);
    this.prefillComputed = new Histogram(bounds);
  }

  /** A sequence's token reached the client side at `nowMs`. */
  token(sequence: Sequence, nowMs: number): void {
    this.generationTokens += 1;
    if (sequence.delivered === 0) {
      this.promptTokens += sequence.prompt.tokens;
      this.promptTokensCached += sequence.cachedTokens;
      this.promptTokensReceived += sequence.receivedTokens;
      this.firstToken.observe((nowMs - sequence.arrivedMs) / 1000);
      sequence.firstTokenMs = nowMs;
    } else {
      this.interToken.observe((nowMs - sequence.lastTokenMs) / 1000);
    }
    sequence.lastTokenMs = nowMs;
  }

  /** A sequence is complete; its last token was counted before. */
  finish(sequence: Sequence, reason: FinishReason): void {
    const { arrivedMs, queuedMs, admittedMs, firstTokenMs, lastTokenMs, delivered } = sequence;
    this.finished[reason] += 1;
    this.endToEnd.observe((lastTokenMs - arrivedMs) / 1000);
    this.queueTime.observe((admittedMs - queuedMs) / 1000);
    this.inferenceTime.observe((lastTokenMs - admittedMs) / 1000);
    this.prefillTime.observe((firstTokenMs - admittedMs) / 1000);
    this.decodeTime.observe((lastTokenMs - firstTokenMs) / 1000);
    if (delivered > 1) this.perOutputToken.observe((lastTokenMs - firstTokenMs) / 1000 / (delivered - 1));
    this.promptLength.observe(sequence.prompt.tokens);
    this.generationLength.observe(delivered);
    this.maxGenerationLength.observe(delivered);
    this.maxTokensParameter.observe(sequence.maxTokens);
    this.prefillComputed.observe(sequence.prompt.tokens - sequence.cachedTokens);
    this.choices.observe(1);
  }
}
