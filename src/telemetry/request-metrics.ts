import { LRUCache } from 'lru-cache';
import type { Counter, Gauge } from 'prom-client';
import type { Endpoint } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Usage } from '../core/usage.ts';
import type { AttemptStatus, RequestRecorder, ResponseRecorder } from '../request/recorder.ts';
import { AttemptSeries } from './attempt-series.ts';
import type { BoundHistogram } from './histogram-family.ts';
import { LabelLimit } from './label-limit.ts';
import type { Metrics } from './metrics.ts';

/** Label sets kept bound; more than these are bound again when they return. */
const MAX_BOUND = 2000;

type Labels = Readonly<Record<'model_name' | 'target_model_name' | 'fairness_id' | 'priority', string>>;

/** The children of one label set, looked up once per label set instead of once per observation. */
interface Bound {
  readonly labels: Labels;
  readonly total: Counter.Internal;
  readonly running: Gauge.Internal<string>;
  readonly duration: BoundHistogram;
  readonly requestBytes: BoundHistogram;
  readonly responseBytes: BoundHistogram;
  readonly ttft: Readonly<Record<'true' | 'false', BoundHistogram>>;
  readonly itl: BoundHistogram;
  readonly inputTokens: BoundHistogram;
  readonly cachedTokens: BoundHistogram;
  readonly outputTokens: BoundHistogram;
  readonly ntpot: BoundHistogram;
  readonly tpot: BoundHistogram;
}

/** Feeds the request and scheduler families. */
export class RequestMetrics implements RequestRecorder {
  readonly #metrics: Metrics;
  readonly #requestProcessing: BoundHistogram;
  readonly #responseProcessing: BoundHistogram;
  readonly #scheduling: BoundHistogram;
  readonly #models: LabelLimit;
  readonly #fairnessIds = new LabelLimit();
  readonly #bound = new LRUCache<string, Bound>({ max: MAX_BOUND });
  /** To be told of endpoints that come and go. */
  readonly attempts: AttemptSeries;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#models = metrics.models;
    this.#requestProcessing = metrics.histogram('request_processing_duration_seconds').labels({});
    this.#responseProcessing = metrics.histogram('response_processing_duration_seconds').labels({});
    this.#scheduling = metrics.histogram('scheduler_e2e_duration_seconds').labels({});
    this.attempts = new AttemptSeries(metrics.counter('scheduler_attempts_total'));
  }

  accepted(request: InferenceRequest): ResponseRecorder {
    const bound = this.#bind(request);
    bound.total.inc();
    bound.requestBytes.observe(request.bodyBytes);
    // The contract counts only requests that name a model as running.
    const counted = request.model !== '';
    if (counted) bound.running.inc();
    return {
      serverError: () => this.#countError(bound.labels, 'ModelServerError'),
      firstByte: (seconds, streaming) => bound.ttft[streaming ? 'true' : 'false'].observe(seconds),
      nextPiece: (seconds) => bound.itl.observe(seconds),
      processed: (seconds) => this.#responseProcessing.observe(seconds),
      complete(seconds, bytes) {
        bound.duration.observe(seconds);
        bound.responseBytes.observe(bytes);
      },
      usage: (usage) => observeUsage(bound, usage),
      pace(secondsPerToken, secondsPerNextToken) {
        bound.ntpot.observe(secondsPerToken);
        if (secondsPerNextToken !== undefined) bound.tpot.observe(secondsPerNextToken);
      },
      end() {
        if (counted) bound.running.dec();
      },
    };
  }

  refused(request: InferenceRequest | undefined, code: ErrorCode): void {
    this.#countError(this.#labels(request), code);
  }

  scheduled(seconds: number, status: AttemptStatus, targetModel: string, endpoint: Endpoint | undefined): void {
    this.#scheduling.observe(seconds);
    if (endpoint !== undefined) this.attempts.count(endpoint, this.#models.of(targetModel));
    else {
      this.#metrics
        .counter('scheduler_attempts_total')
        .inc({ status, target_model_name: this.#models.of(targetModel), endpoint_name: '', namespace: '', port: '' });
    }
  }

  rewritten(rule: string, model: string, target: string): void {
    this.#metrics.counter('model_rewrite_decisions_total').inc({
      model_rewrite_name: rule,
      model_name: this.#models.of(model),
      target_model: this.#models.of(target),
    });
  }

  requestProcessed(seconds: number): void {
    this.#requestProcessing.observe(seconds);
  }

  #countError(labels: Labels, errorCode: string): void {
    this.#metrics.counter('request_error_total').inc({ ...labels, error_code: errorCode });
  }

  #labels(request: InferenceRequest | undefined): Labels {
    return {
      model_name: this.#models.of(request?.model ?? ''),
      target_model_name: this.#models.of(request?.targetModel ?? ''),
      fairness_id: this.#fairnessIds.of(request?.fairnessId ?? 'default-flow'),
      priority: String(request?.priority ?? 0),
    };
  }

  #bind(request: InferenceRequest): Bound {
    const labels = this.#labels(request);
    const key = JSON.stringify(Object.values(labels));
    const known = this.#bound.get(key);
    if (known !== undefined) return known;
    const metrics = this.#metrics;
    const ttft = metrics.histogram('request_ttft_seconds');
    const bound: Bound = {
      labels,
      total: metrics.counter('request_total').labels(labels),
      running: metrics.gauge('request_running').labels(labels),
      duration: metrics.histogram('request_duration_seconds').labels(labels),
      requestBytes: metrics.histogram('request_size_bytes').labels(labels),
      responseBytes: metrics.histogram('response_size_bytes').labels(labels),
      ttft: {
        true: ttft.labels({ ...labels, streaming: 'true' }),
        false: ttft.labels({ ...labels, streaming: 'false' }),
      },
      itl: metrics.histogram('request_streaming_itl_seconds').labels(labels),
      inputTokens: metrics.histogram('request_input_tokens').labels(labels),
      cachedTokens: metrics.histogram('request_cached_tokens').labels(labels),
      outputTokens: metrics.histogram('request_output_tokens').labels(labels),
      ntpot: metrics.histogram('request_ntpot_seconds').labels(labels),
      tpot: metrics.histogram('request_streaming_tpot_seconds').labels(labels),
    };
    this.#bound.set(key, bound);
    return bound;
  }
}

/** No input or no output is not a size; a prompt of which nothing was cached is an answer. */
function observeUsage(bound: Bound, { promptTokens, completionTokens, cachedTokens }: Usage): void {
  if (promptTokens !== undefined && promptTokens > 0) bound.inputTokens.observe(promptTokens);
  if (completionTokens !== undefined && completionTokens > 0) bound.outputTokens.observe(completionTokens);
  if (cachedTokens !== undefined) bound.cachedTokens.observe(cachedTokens);
}
