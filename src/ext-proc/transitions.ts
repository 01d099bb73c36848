/**
 * The life of one ext_proc stream in full-duplex mode, as a table: what may happen in which phase, what is done about
 * it, and what comes next. Nothing here touches a message, a socket or a clock.
 *
 *     idle --> collecting --> deciding --> answered --> responding --> complete
 *       |           |             |                                       ^
 *       +-----------+-------------+--> bypassed (the proxy replied) ------+
 *
 * A request without a body skips `collecting`, a response without one `responding`; every phase can end in `closed`.
 * Envoy sends the parts of a request in order, then those of its response, and expects the answers in the same order.
 * Source: envoy.service.ext_proc.v3 (ProcessingMode.FULL_DUPLEX_STREAMED).
 */
export type Phase =
  /** Nothing was received. */
  | 'idle'
  /** The headers are here, the rest of the request is coming. */
  | 'collecting'
  /** The whole request is here and the decision is under way. */
  | 'deciding'
  /** The same for a request that ended with trailers, which want an answer of their own. */
  | 'deciding-trailers'
  /** The proxy was told where to go; the response is yet to come. */
  | 'answered'
  /** The response is passing through. */
  | 'responding'
  /** A response of the proxy's own is passing through; it came before the request was decided. */
  | 'bypassed'
  /** The last part of the response was answered. */
  | 'complete'
  /** Our side of the stream has ended; whatever still comes is ignored. */
  | 'closed';

/** A message of the proxy; `-end` is one that carries `end_of_stream`. */
export type MessageKind =
  | 'request-headers'
  | 'request-headers-end'
  /** From a proxy whose body mode cannot work with us. */
  | 'request-headers-unsupported'
  | 'request-body'
  | 'request-body-end'
  | 'request-trailers'
  | 'response-headers'
  | 'response-headers-end'
  | 'response-body'
  | 'response-body-end'
  | 'response-trailers'
  /** From a proxy that only shows its traffic and ignores answers. */
  | 'observation'
  /** A message without any part we know. */
  | 'nothing';

export type EventKind =
  | MessageKind
  /** The decision names an endpoint. */
  | 'picked'
  /** The decision, or a limit of the wire, is to refuse. */
  | 'refused'
  /** There is no decision because of a fault of ours. */
  | 'faulted'
  /** The peer will send no more; it still reads. */
  | 'half-close'
  /** The peer is gone. */
  | 'cancel'
  /** The stream broke: bytes that are no message, or a fault below us. */
  | 'break';

/** One thing to do; they are done in the order they are listed. */
export type Action =
  /** Start the exchange. */
  | 'open'
  /** Keep a piece of the request body. */
  | 'hold'
  /** Ask the exchange; the outcome comes back as `picked`, `refused` or `faulted`. */
  | 'decide'
  /** Answer headers and body of the request. */
  | 'answer-request'
  /** Answer headers, body and trailers of the request. */
  | 'answer-request-trailers'
  /** Answer the client in the proxy's stead. */
  | 'refuse'
  /** Show a part of the response to the exchange and let it pass. */
  | 'pass-headers'
  | 'pass-body'
  | 'pass-trailers'
  /** End the exchange, if there is one. */
  | 'end-complete'
  | 'end-disconnect'
  | 'end-error'
  /** End the stream, with OK. */
  | 'close'
  /** End the stream, with INVALID_ARGUMENT. */
  | 'violate';

export interface Transition {
  readonly next: Phase;
  readonly actions: readonly Action[];
}

type Row = Partial<Record<EventKind, Transition>>;

const to = (next: Phase, ...actions: readonly Action[]): Transition => ({ next, actions });

const GONE = to('closed', 'end-disconnect');
const LEFT = to('closed', 'end-disconnect', 'close');
const BROKEN = to('closed', 'end-error');
const VIOLATION = to('closed', 'end-error', 'violate');
const REFUSED = to('closed', 'refuse', 'end-complete', 'close');
const FAULTED = to('closed', 'refuse', 'end-error', 'close');
const IGNORED = to('closed');

/** How a stream ends wherever nothing else is said. */
const ENDINGS: Row = { 'half-close': LEFT, cancel: GONE, break: BROKEN };

/** A response that arrives before the request was decided is the proxy's own: it passes, and the request is dropped. */
const LOCAL_REPLY: Row = {
  'response-headers': to('bypassed', 'end-disconnect', 'pass-headers'),
  'response-headers-end': to('complete', 'end-disconnect', 'pass-headers'),
};

/** The rest of a response whose headers have passed. */
const RESPONSE = (phase: Phase): Row => ({
  'response-body': to(phase, 'pass-body'),
  'response-body-end': to('complete', 'pass-body', 'end-complete'),
  'response-trailers': to('complete', 'pass-trailers', 'end-complete'),
});

const ROWS: Record<Exclude<Phase, 'closed'>, Row> = {
  idle: {
    ...ENDINGS,
    'request-headers': to('collecting', 'open'),
    'request-headers-end': to('deciding', 'open', 'decide'),
    'request-headers-unsupported': to('closed', 'refuse', 'close'),
    'response-headers': to('bypassed', 'pass-headers'),
    'response-headers-end': to('complete', 'pass-headers'),
    observation: to('closed', 'close'),
  },
  collecting: {
    ...ENDINGS,
    ...LOCAL_REPLY,
    'request-body': to('collecting', 'hold'),
    'request-body-end': to('deciding', 'hold', 'decide'),
    'request-trailers': to('deciding-trailers', 'decide'),
    refused: REFUSED,
    faulted: FAULTED,
  },
  deciding: {
    ...ENDINGS,
    ...LOCAL_REPLY,
    picked: to('answered', 'answer-request'),
    refused: REFUSED,
    faulted: FAULTED,
  },
  'deciding-trailers': {
    ...ENDINGS,
    ...LOCAL_REPLY,
    picked: to('answered', 'answer-request-trailers'),
    refused: REFUSED,
    faulted: FAULTED,
  },
  answered: {
    ...ENDINGS,
    'response-headers': to('responding', 'pass-headers'),
    'response-headers-end': to('complete', 'pass-headers', 'end-complete'),
  },
  responding: { ...ENDINGS, ...RESPONSE('responding') },
  bypassed: {
    ...ENDINGS,
    ...RESPONSE('bypassed'),
    // What was under way when the proxy replied; it waits for no answer to them any more.
    'request-body': to('bypassed'),
    'request-body-end': to('bypassed'),
    'request-trailers': to('bypassed'),
  },
  complete: { ...ENDINGS },
};

/** Outcomes that arrive when nobody waits for them: the peer left, or the proxy replied, while they were made. */
function isOutcome(event: EventKind): boolean {
  return event === 'picked' || event === 'refused' || event === 'faulted';
}

/** Tells, without doing it, what follows from an event. */
export function transition(phase: Phase, event: EventKind): Transition {
  if (phase === 'closed') return IGNORED;
  return ROWS[phase][event] ?? (isOutcome(event) ? to(phase) : VIOLATION);
}

/** The text of a violation, for the status of the stream and the log. */
export function violationText(phase: Phase, event: EventKind): string {
  return `unexpected ${event} message in phase ${phase}`;
}
