import { type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ERROR_CODES } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';
import type { StreamEnd } from '../core/hooks.ts';
import type { Director, Exchange, Outcome, ProxyMetadata } from '../request/exchange.ts';
import type { HeaderChanges, Metadata } from '../request/header-changes.ts';
import type { DecisionListener, DecisionRecord } from '../scheduling/decision.ts';
import { type DecisionSpanParts, decisionSpans } from './decision-spans.ts';
import { extract, type Incoming, inject } from './propagation.ts';

/** What a traced exchange shares with the others. */
export interface TracedParts extends DecisionSpanParts {
  /** Who wants to hear how a request is decided, by the request's headers: only requests that are recorded. */
  readonly listeners: WeakMap<Headers, DecisionListener>;
}

/** Puts spans around every request that is sampled, and names our span to the server in every request. */
export function withTracing(director: Director, parts: TracedParts): Director {
  return { open: (headers) => new TracedExchange(director, headers, parts) };
}

class TracedExchange implements Exchange {
  readonly #parts: TracedParts;
  readonly #exchange: Exchange;
  readonly #headers: Headers;
  readonly #incoming: Incoming;
  /** From the request's headers to the end of the stream. */
  readonly #span: Span;
  readonly #context: Context;

  constructor(director: Director, headers: Headers, parts: TracedParts) {
    this.#parts = parts;
    this.#headers = headers;
    this.#incoming = extract(headers);
    this.#span = parts.tracer.startSpan('gateway.request', { kind: SpanKind.SERVER }, this.#incoming.context);
    this.#context = trace.setSpan(this.#incoming.context, this.#span);
    if (this.#span.isRecording()) this.#describe();
    try {
      this.#exchange = director.open(headers);
    } catch (error) {
      fail(this.#span, error);
      this.#span.end();
      throw error;
    }
  }

  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome | Promise<Outcome> {
    const orchestration = this.#span.isRecording() ? this.#startOrchestration() : undefined;
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = this.#exchange.decide(pieces, metadata);
    } catch (error) {
      throw this.#faulted(orchestration, error);
    }
    if (!(outcome instanceof Promise)) return this.#decided(orchestration, outcome);
    return outcome.then(
      (settled) => this.#decided(orchestration, settled),
      (error: unknown) => {
        throw this.#faulted(orchestration, error);
      },
    );
  }

  responseHeaders(headers: Headers, metadata: ProxyMetadata): HeaderChanges | undefined {
    if (this.#span.isRecording()) {
      const status = Number(headers.get(':status') ?? Number.NaN);
      if (Number.isInteger(status)) this.#span.setAttribute('http.response.status_code', status);
      if (status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: `model server: ${status}` });
      const served = metadata.served();
      if (served !== undefined) this.#span.setAttribute('llm_d.epp.served_endpoint', served);
    }
    return this.#exchange.responseHeaders(headers, metadata);
  }

  responseBody(piece: Uint8Array, last: boolean): Uint8Array {
    return this.#exchange.responseBody(piece, last);
  }

  responseTrailers(): Uint8Array {
    return this.#exchange.responseTrailers();
  }

  responseMetadata(): Metadata | undefined {
    return this.#exchange.responseMetadata();
  }

  end(how: StreamEnd): void {
    this.#parts.listeners.delete(this.#headers);
    this.#span.setAttribute('llm_d.epp.stream_end', how);
    if (how === 'error') this.#span.setStatus({ code: SpanStatusCode.ERROR, message: 'the stream broke' });
    this.#span.end();
    this.#exchange.end(how);
  }

  #describe(): void {
    const method = this.#headers.get(':method');
    const path = this.#headers.get(':path')?.split('?', 1)[0];
    if (method !== undefined) this.#span.setAttribute('http.request.method', method);
    if (path !== undefined) this.#span.setAttribute('url.path', path);
  }

  #startOrchestration(): Span {
    const options = { kind: SpanKind.SERVER };
    const span = this.#parts.tracer.startSpan('gateway.request_orchestration', options, this.#context);
    const context = trace.setSpan(this.#context, span);
    this.#parts.listeners.set(this.#headers, (decision) => {
      describeRequest(span, decision);
      decisionSpans(this.#parts, context, decision);
    });
    return span;
  }

  #decided(orchestration: Span | undefined, outcome: Outcome): Outcome {
    this.#parts.listeners.delete(this.#headers);
    if (orchestration !== undefined) this.#note(orchestration, outcome);
    if (outcome.kind === 'rejected') return outcome;
    const { set, remove } = inject(this.#span.spanContext(), this.#incoming);
    return {
      ...outcome,
      setHeaders: [...outcome.setHeaders, ...set],
      removeHeaders: remove.length === 0 ? outcome.removeHeaders : [...outcome.removeHeaders, ...remove],
    };
  }

  #note(orchestration: Span, outcome: Outcome): void {
    if (outcome.kind === 'picked') {
      orchestration.setAttribute('llm_d.epp.destination_endpoints', outcome.destination.split(','));
    } else {
      const { code, message } = outcome.rejection;
      const status = { code: SpanStatusCode.ERROR, message: `${code}: ${message}` };
      orchestration.setStatus(status);
      this.#span.setStatus(status);
      this.#span.setAttribute('http.response.status_code', ERROR_CODES[code]);
    }
    orchestration.end();
  }

  #faulted(orchestration: Span | undefined, error: unknown): unknown {
    this.#parts.listeners.delete(this.#headers);
    if (orchestration !== undefined) {
      fail(orchestration, error);
      orchestration.end();
      fail(this.#span, error);
    }
    return error;
  }
}

function describeRequest(span: Span, { request }: DecisionRecord): void {
  span.setAttributes({
    target_model: request.targetModel,
    request_prio: request.priority,
    'gen_ai.request.model': request.targetModel,
    'gen_ai.request.id': request.id,
  });
}

function fail(span: Span, error: unknown): void {
  const known = error instanceof Error ? error : new Error(String(error));
  span.recordException(known);
  span.setStatus({ code: SpanStatusCode.ERROR, message: known.message });
}
