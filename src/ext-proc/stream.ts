import { reject } from '../core/errors.ts';
import { type Headers, NO_HEADERS } from '../core/headers.ts';
import type { StreamEnd } from '../core/hooks.ts';
import type { HttpBody, ProcessingRequest, ProcessingResponse } from '../protos/ext-proc.ts';
import type { Director, Exchange, Outcome } from '../request/exchange.ts';
import type { HeaderChanges, Metadata } from '../request/header-changes.ts';
import type { Capacity } from './capacity.ts';
import { WireHeaders } from './headers.ts';
import { HeldBody } from './held-body.ts';
import { messageKind, unsupportedMode } from './message-kind.ts';
import { WireMetadata } from './metadata.ts';
import {
  refusalAnswer,
  REQUEST_TRAILERS_ANSWER,
  requestHeadersAnswer,
  RESPONSE_HEADERS_ANSWER,
  RESPONSE_TRAILERS_ANSWER,
  responseHeadersAnswer,
  sendBody,
  sendBodyPiece,
  type Sink,
  tooLargeAnswer,
  withMetadata,
} from './response.ts';
import { type Action, type EventKind, type Phase, transition, violationText } from './transitions.ts';

/** Longest request body held for a decision, in bytes, where nothing else is configured. */
export const DEFAULT_MAX_BODY_BYTES = 256 * 1024 * 1024;

const FAULT_ANSWER = refusalAnswer(reject('Internal', 'the endpoint picker failed'));
const EMPTY: Uint8Array = Buffer.alloc(0);

/** The other side of a stream, as far as the stream is concerned. Nothing here may call back into the stream. */
export interface Wire extends Sink {
  /** Our side is done; called at most once, nothing is sent after it. `violation` names what the peer did wrong. */
  close(violation?: string): void;
  /** All of the request body was sent or dropped; `bytes` of it are to be released once the peer has taken them. */
  bodySent(bytes: number): void;
  /** A fault of ours that the peer will not hear about. */
  report(fault: unknown): void;
}

/** What a stream needs to know besides its wire. */
export interface StreamOptions {
  readonly director: Director;
  readonly capacity: Capacity;
  /** Longest request body held, in bytes; longer ones are answered with 413. */
  readonly maxBodyBytes: number;
}

type Perform = (stream: ExtProcStream, message: ProcessingRequest | undefined) => void;

/**
 * One HTTP request between the proxy and its exchange: carries out what `transitions.ts` says. Holds the body until
 * the decision, and never answers out of order.
 */
export class ExtProcStream {
  readonly #options: StreamOptions;
  readonly #wire: Wire;
  readonly #metadata = new WireMetadata();
  #phase: Phase = 'idle';
  /** Of the request; those of a stream whose first message is something else are none. */
  #headers: Headers = NO_HEADERS;
  /** Set from the request's headers to the one call of `end`. */
  #exchange: Exchange | undefined;
  /** Set from the first body message until the body has been sent on. */
  #body: HeldBody | undefined;
  /** The body the decision put in its place. */
  #edited: readonly Uint8Array[] | undefined;
  /** What the request's headers are answered with: where to go, or a refusal. */
  #verdict: ProcessingResponse = FAULT_ANSWER;

  constructor(options: StreamOptions, wire: Wire) {
    this.#options = options;
    this.#wire = wire;
  }

  /** Where the stream stands; `closed` once nothing more will be sent. */
  get phase(): Phase {
    return this.#phase;
  }

  /** Takes the next message. Does not throw. */
  receive(message: ProcessingRequest): void {
    const kind = messageKind(message);
    if (message.metadataContext) this.#metadata.add(message.metadataContext);
    if (kind === 'request-headers-unsupported') this.#verdict = unsupportedAnswer(message);
    this.#on(kind, message);
  }

  /** The peer sends no more. */
  halfClose(): void {
    this.#on('half-close');
  }

  /** The peer is gone; nothing can be sent any more. */
  cancel(): void {
    this.#on('cancel');
  }

  /** The stream broke below us; nothing can be sent any more. */
  break(): void {
    this.#on('break');
  }

  #on(event: EventKind, message?: ProcessingRequest): void {
    const phase = this.#phase;
    const { next, actions } = transition(phase, event);
    this.#phase = next;
    for (const action of actions) {
      if (action === 'violate') this.#wire.close(violationText(phase, event));
      else ExtProcStream.#PERFORM[action](this, message);
      // An action can have an event of its own, e.g. a decision that is there at once; what is left here is then void.
      if (this.#phase !== next) return;
    }
  }

  static readonly #PERFORM: Readonly<Record<Exclude<Action, 'violate'>, Perform>> = {
    open: (stream, message) => stream.#open(message),
    hold: (stream, message) => stream.#hold(message?.requestBody?.body ?? EMPTY),
    decide: (stream) => stream.#decide(),
    'answer-request': (stream) => stream.#answerRequest(true),
    'answer-request-trailers': (stream) => {
      stream.#answerRequest(false);
      stream.#wire.send(REQUEST_TRAILERS_ANSWER);
    },
    refuse: (stream) => stream.#wire.send(stream.#verdict),
    'pass-headers': (stream, message) => stream.#passHeaders(message),
    'pass-body': (stream, message) => stream.#passBody(message?.responseBody),
    'pass-trailers': (stream) => stream.#passTrailers(),
    'end-complete': (stream) => stream.#end('complete'),
    'end-disconnect': (stream) => stream.#end('client-disconnect'),
    'end-error': (stream) => stream.#end('error'),
    close: (stream) => stream.#wire.close(),
  };

  #open(message: ProcessingRequest | undefined): void {
    try {
      this.#headers = new WireHeaders(message?.requestHeaders?.headers);
      const refused = this.#options.capacity.refuseRequest(this.#headers);
      if (refused !== undefined) return this.#settle(refused);
      this.#exchange = this.#options.director.open(this.#headers);
    } catch (fault) {
      this.#fail(fault);
    }
  }

  #hold(piece: Uint8Array): void {
    const { capacity, maxBodyBytes } = this.#options;
    this.#body ??= new HeldBody(maxBodyBytes);
    if (!this.#body.fits(piece)) {
      this.#verdict = tooLargeAnswer(maxBodyBytes);
      return this.#on('refused');
    }
    const refused = capacity.holdBody(piece.length, this.#headers);
    if (refused !== undefined) return this.#settle(refused);
    this.#body.add(piece);
  }

  #decide(): void {
    // A request that ends with trailers after not a single byte is one without a body.
    if (this.#phase === 'deciding-trailers' && this.#body?.bytes === 0) this.#body = undefined;
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = exchange.decide(this.#body?.pieces(), this.#metadata);
    } catch (fault) {
      return this.#fail(fault);
    }
    if (outcome instanceof Promise) this.#await(outcome);
    else this.#settle(outcome);
  }

  #await(outcome: Promise<Outcome>): void {
    outcome.then(
      (settled) => this.#settle(settled),
      (fault: unknown) => this.#fail(fault),
    );
  }

  #settle(outcome: Outcome): void {
    const picked = outcome.kind === 'picked';
    if (picked) this.#edited = outcome.body;
    try {
      this.#verdict = picked ? requestHeadersAnswer(outcome) : refusalAnswer(outcome.rejection, outcome.dialect);
    } catch (fault) {
      return this.#fail(fault);
    }
    this.#on(picked ? 'picked' : 'refused');
  }

  /** The exchange must not throw; where it does, the client gets a refusal instead of silence. */
  #fail(fault: unknown): void {
    this.#wire.report(fault);
    this.#verdict = FAULT_ANSWER;
    this.#on('faulted');
  }

  #answerRequest(last: boolean): void {
    this.#wire.send(this.#verdict);
    const pieces = this.#edited ?? this.#body?.pieces();
    if (pieces !== undefined) sendBody(this.#wire, 'requestBody', pieces, last);
    if (this.#body !== undefined) this.#wire.bodySent(this.#body.bytes);
    this.#body = undefined;
    this.#edited = undefined;
  }

  #passHeaders(message: ProcessingRequest | undefined): void {
    let changes: HeaderChanges | undefined;
    try {
      const headers = new WireHeaders(message?.responseHeaders?.headers);
      changes = this.#exchange?.responseHeaders(headers, this.#metadata);
    } catch (fault) {
      this.#wire.report(fault);
    }
    this.#wire.send(changes === undefined ? RESPONSE_HEADERS_ANSWER : responseHeadersAnswer(changes));
  }

  #passBody(part: HttpBody | null | undefined): void {
    const piece = part?.body ?? EMPTY;
    const last = part?.endOfStream === true;
    let bytes = piece;
    let metadata: Metadata | undefined;
    try {
      bytes = this.#exchange?.responseBody(piece, last) ?? piece;
      if (last) metadata = this.#exchange?.responseMetadata();
    } catch (fault) {
      this.#wire.report(fault);
    }
    const heldBack = bytes.length === 0 && piece.length > 0;
    if (last || !heldBack) sendBodyPiece(this.#wire, 'responseBody', bytes, last, metadata);
  }

  #passTrailers(): void {
    let held = EMPTY;
    let metadata: Metadata | undefined;
    try {
      held = this.#exchange?.responseTrailers() ?? EMPTY;
      metadata = this.#exchange?.responseMetadata();
    } catch (fault) {
      this.#wire.report(fault);
    }
    if (held.length > 0) sendBodyPiece(this.#wire, 'responseBody', held, false);
    this.#wire.send(
      metadata === undefined ? RESPONSE_TRAILERS_ANSWER : withMetadata({ responseTrailers: {} }, metadata),
    );
  }

  #end(how: StreamEnd): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (this.#body !== undefined) this.#options.capacity.releaseBody(this.#body.bytes);
    this.#body = undefined;
    try {
      exchange?.end(how);
    } catch (fault) {
      this.#wire.report(fault);
    }
  }
}

function unsupportedAnswer(message: ProcessingRequest): ProcessingResponse {
  return refusalAnswer(reject('Internal', unsupportedMode(message) ?? 'unsupported processing mode'));
}
