import { ERROR_CODES, reject, type Rejection } from '../core/errors.ts';
import type { Dialect } from '../core/request.ts';
import { errorBody } from '../payload/error-body.ts';
import type { BodySide } from '../protos/body-piece.ts';
import {
  encodeProcessingResponse,
  HeaderAppendAction,
  type HeaderMutation,
  type HeaderValueOption,
  type ProcessingResponse,
  type StructValue,
} from '../protos/ext-proc.ts';
import type { Picked } from '../request/exchange.ts';
import type { HeaderChanges, Metadata } from '../request/header-changes.ts';

/** Longest body piece of an answer, in bytes: Envoy advises no more than 64 KiB a message. */
export const MAX_BODY_PIECE_BYTES = 62_000;

const DESTINATION_KEY = 'x-gateway-destination-endpoint';
const SCORES_KEY = 'x-gateway-destination-endpoint-scores';
const LB_NAMESPACE = 'envoy.lb';
const DROP_REASON_HEADER = 'x-llm-d-request-dropped-reason';
/** Outside the table of refusals: the wire's own limit, not a verdict on the request. */
const CONTENT_TOO_LARGE = 413;

/** An answer: a message, or the bytes of one that is always the same. */
export type Answer = ProcessingResponse | Buffer;

/** Where the answers of a stream go, in order. */
export interface Sink {
  send(answer: Answer): void;
}

/** Go on with the response headers as they are: a header nobody names keeps all its values. */
export const RESPONSE_HEADERS_ANSWER: Buffer = encodeProcessingResponse({ responseHeaders: {} });
export const REQUEST_TRAILERS_ANSWER: Buffer = encodeProcessingResponse({ requestTrailers: {} });
export const RESPONSE_TRAILERS_ANSWER: Buffer = encodeProcessingResponse({ responseTrailers: {} });

/** Tells the proxy where to send the request, as a header and, for its load balancer, as metadata. */
export function requestHeadersAnswer(picked: Picked): ProcessingResponse {
  const setHeaders = [setHeader(DESTINATION_KEY, picked.destination)];
  for (const [name, value] of picked.setHeaders) setHeaders.push(setHeader(name, value));
  const headerMutation: HeaderMutation = { setHeaders, removeHeaders: [...picked.removeHeaders] };
  return {
    requestHeaders: { response: { headerMutation, clearRouteCache: true } },
    dynamicMetadata: { fields: { [LB_NAMESPACE]: { structValue: { fields: balancerFields(picked) } } } },
  };
}

function balancerFields({ destination, scores }: Picked): Record<string, StructValue> {
  const fields: Record<string, StructValue> = { [DESTINATION_KEY]: { stringValue: destination } };
  if (scores !== undefined) {
    const numbers = Array.from(scores, ([hostPort, score]) => [hostPort, { numberValue: score }] as const);
    fields[SCORES_KEY] = { structValue: { fields: Object.fromEntries(numbers) } };
  }
  return fields;
}

/** Lets the response headers pass with changes; one of `:status` may not be among them. */
export function responseHeadersAnswer({ set, remove }: HeaderChanges): ProcessingResponse {
  const setHeaders = set.map(([name, value]) => setHeader(name, value));
  return { responseHeaders: { response: { headerMutation: { setHeaders, removeHeaders: [...remove] } } } };
}

/** An answer that also puts metadata beside the response, for the proxy's logs and filters. */
export function withMetadata(answer: ProcessingResponse, metadata: Metadata): ProcessingResponse {
  const namespaces = Object.entries(metadata).map(([namespace, values]) => {
    const fields = Object.entries(values).map(([key, value]) => [
      key,
      typeof value === 'number' ? { numberValue: value } : { stringValue: value },
    ]);
    return [namespace, { structValue: { fields: Object.fromEntries(fields) } }];
  });
  return { ...answer, dynamicMetadata: { fields: Object.fromEntries(namespaces) } };
}

/**
 * Sends a whole body on, its pieces by reference and cut only where they are too long. `last` is whether the body ends
 * the message; where trailers follow, it does not.
 */
export function sendBody(sink: Sink, side: BodySide, pieces: readonly Uint8Array[], last: boolean): void {
  const final = pieces.length - 1;
  for (let i = 0; i <= final; i++) sendBodyPiece(sink, side, pieces[i], last && i === final);
}

/** Sends one piece on, with `last` and the metadata on the last of its parts. */
export function sendBodyPiece(sink: Sink, side: BodySide, piece: Uint8Array, last: boolean, metadata?: Metadata): void {
  let rest = piece;
  while (rest.length > MAX_BODY_PIECE_BYTES) {
    sink.send(bodyAnswer(side, rest.subarray(0, MAX_BODY_PIECE_BYTES), false));
    rest = rest.subarray(MAX_BODY_PIECE_BYTES);
  }
  const answer = bodyAnswer(side, rest, last);
  sink.send(metadata === undefined ? answer : withMetadata(answer, metadata));
}

/** Answers the client with a refusal, in the shape its API gives errors; plain text where nobody knows the API. */
export function refusalAnswer(rejection: Rejection, dialect: Dialect = 'none'): ProcessingResponse {
  return immediateAnswer(ERROR_CODES[rejection.code], rejection, dialect);
}

/** Answers the client whose request body is longer than `maxBytes`; its API is not known before the body is read. */
export function tooLargeAnswer(maxBytes: number): ProcessingResponse {
  return immediateAnswer(CONTENT_TOO_LARGE, reject('BadRequest', `request body exceeds ${maxBytes} bytes`), 'none');
}

function immediateAnswer(code: number, rejection: Rejection, dialect: Dialect): ProcessingResponse {
  const { text, contentType } = errorBody(rejection, dialect);
  const { dropReason, retryAfterSeconds } = rejection;
  const setHeaders: HeaderValueOption[] = [];
  if (contentType !== undefined) setHeaders.push(setHeader('content-type', contentType));
  if (dropReason !== undefined) setHeaders.push(setHeader(DROP_REASON_HEADER, dropReason));
  if (retryAfterSeconds !== undefined) setHeaders.push(setHeader('retry-after', String(retryAfterSeconds)));
  const headers = setHeaders.length === 0 ? undefined : { setHeaders };
  return { immediateResponse: { status: { code }, headers, body: Buffer.from(text) } };
}

function bodyAnswer(side: BodySide, body: Uint8Array, endOfStream: boolean): ProcessingResponse {
  const answer = { response: { bodyMutation: { streamedResponse: { body, endOfStream } } } };
  return side === 'requestBody' ? { requestBody: answer } : { responseBody: answer };
}

function setHeader(key: string, value: string): HeaderValueOption {
  return {
    header: { key, rawValue: Buffer.from(value) },
    appendAction: HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  };
}
