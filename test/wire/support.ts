import type { Headers } from '../../src/core/headers.ts';
import type { Answer } from '../../src/ext-proc/response.ts';
import type { Wire } from '../../src/ext-proc/stream.ts';
import {
  decodeProcessingResponse,
  type HeaderMap,
  type ProcessingRequest,
  type ProcessingResponse,
} from '../../src/protos/ext-proc.ts';
import type { StreamEnd } from '../../src/core/hooks.ts';
import type { Director, Exchange, Outcome, ProxyMetadata } from '../../src/request/exchange.ts';
import type { HeaderChanges, Metadata } from '../../src/request/header-changes.ts';

/** Headers as Envoy sends them. */
export function headerMap(headers: Record<string, string>): HeaderMap {
  return { headers: Object.entries(headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) };
}

const bytes = (body: string | Uint8Array): Uint8Array => (typeof body === 'string' ? Buffer.from(body) : body);

/** The messages of a proxy. */
export const message = {
  requestHeaders: (endOfStream: boolean, headers: Record<string, string> = { ':path': '/v1' }): ProcessingRequest => ({
    requestHeaders: { headers: headerMap(headers), endOfStream },
  }),
  requestBody: (body: string | Uint8Array, endOfStream: boolean): ProcessingRequest => ({
    requestBody: { body: bytes(body), endOfStream },
  }),
  requestTrailers: (): ProcessingRequest => ({ requestTrailers: { trailers: headerMap({ 'x-checksum': '1' }) } }),
  responseHeaders: (
    endOfStream: boolean,
    headers: Record<string, string> = { ':status': '200' },
  ): ProcessingRequest => ({
    responseHeaders: { headers: headerMap(headers), endOfStream },
  }),
  responseBody: (body: string | Uint8Array, endOfStream: boolean): ProcessingRequest => ({
    responseBody: { body: bytes(body), endOfStream },
  }),
  responseTrailers: (): ProcessingRequest => ({ responseTrailers: {} }),
};

/** What the exchange of a test does; every part may throw. */
export interface Script {
  open?(): void;
  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome | Promise<Outcome>;
  observe?(): void;
  /** What the response's headers are to become. */
  readonly headerChanges?: HeaderChanges;
  /** What goes with the last answer. */
  readonly metadata?: Metadata;
}

export const PICKED: Outcome = {
  kind: 'picked',
  destination: '10.0.0.1:8000,10.0.0.2:8000',
  setHeaders: [],
  removeHeaders: [],
};

/** A director whose exchanges follow a script, keep the books of a real one, and remember what they were told. */
export class ScriptedDirector implements Director {
  /** Picks that were not given back. */
  reservations = 0;
  readonly calls: string[] = [];
  readonly ends: StreamEnd[] = [];
  readonly #script: Script;

  constructor(script: Script = { decide: () => PICKED }) {
    this.#script = script;
  }

  open(headers: Headers): Exchange {
    this.calls.push(`open ${headers.get(':path')}`);
    this.#script.open?.();
    let ended = false;
    let reserved = false;
    const settle = (outcome: Outcome): Outcome => {
      if (outcome.kind !== 'picked' || ended) return outcome;
      reserved = true;
      this.reservations++;
      return outcome;
    };
    return {
      decide: (pieces, metadata) => {
        this.calls.push(`decide ${pieces === undefined ? 'without body' : Buffer.concat(pieces).toString()}`);
        const outcome = this.#script.decide(pieces, metadata);
        return outcome instanceof Promise ? outcome.then(settle) : settle(outcome);
      },
      responseHeaders: (responseHeaders, metadata) => {
        this.calls.push(`response ${responseHeaders.get(':status')} ${metadata.served() ?? ''}`.trimEnd());
        this.#script.observe?.();
        return this.#script.headerChanges;
      },
      responseBody: (piece) => {
        this.calls.push(`piece ${Buffer.from(piece).toString()}`);
        this.#script.observe?.();
        return piece;
      },
      responseTrailers: () => Buffer.alloc(0),
      responseMetadata: () => this.#script.metadata,
      end: (how) => {
        this.ends.push(how);
        this.calls.push(`end ${how}`);
        ended = true;
        if (reserved) this.reservations--;
        this.#script.observe?.();
      },
    };
  }
}

/** A wire that keeps what was sent. */
export class RecordingWire implements Wire {
  readonly answers: ProcessingResponse[] = [];
  readonly faults: unknown[] = [];
  /** Bytes of request bodies that went out. */
  bodyBytesSent = 0;
  /** Undefined while open, '' after a close with OK, else the violation. */
  closed: string | undefined;

  send(answer: Answer): void {
    if (this.closed !== undefined) throw new Error('answer after close');
    this.answers.push(Buffer.isBuffer(answer) ? decodeProcessingResponse(answer) : answer);
  }

  close(violation = ''): void {
    if (this.closed !== undefined) throw new Error('closed twice');
    this.closed = violation;
  }

  bodySent(count: number): void {
    this.bodyBytesSent += count;
  }

  report(fault: unknown): void {
    this.faults.push(fault);
  }

  /** The answers in short: which part, the bytes of a body, `$` at its end. */
  get short(): string[] {
    return this.answers.map(shorten);
  }
}

/** One answer in short. */
export function shorten(answer: ProcessingResponse): string {
  const refusal = answer.immediateResponse;
  if (refusal) return `immediate ${refusal.status?.code} ${textOf(refusal.body)}`;
  const side = sideOf(answer);
  const part = answer.requestBody ?? answer.responseBody;
  if (part) {
    const body = part.response?.bodyMutation?.streamedResponse;
    return `${side} body ${textOf(body?.body)}${body?.endOfStream === true ? '$' : ''}`;
  }
  return answer.requestHeaders || answer.responseHeaders ? `${side} headers` : `${side} trailers`;
}

/** Whether an answer is about the request or about the response. */
export function sideOf(answer: ProcessingResponse): 'request' | 'response' {
  return answer.requestHeaders || answer.requestBody || answer.requestTrailers ? 'request' : 'response';
}

function textOf(body: Uint8Array | null | undefined): string {
  return Buffer.from(body ?? []).toString();
}
