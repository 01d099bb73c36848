import { BodySendMode, type ProcessingRequest } from '../protos/ext-proc.ts';
import type { MessageKind } from './transitions.ts';

/** Names what a message is to the state machine, commonest first: responses come in many pieces. */
export function messageKind(message: ProcessingRequest): MessageKind {
  if (message.observabilityMode === true) return 'observation';
  if (message.responseBody) return message.responseBody.endOfStream === true ? 'response-body-end' : 'response-body';
  if (message.requestBody) return message.requestBody.endOfStream === true ? 'request-body-end' : 'request-body';
  if (message.requestHeaders) return requestHeadersKind(message);
  if (message.responseHeaders) {
    return message.responseHeaders.endOfStream === true ? 'response-headers-end' : 'response-headers';
  }
  if (message.responseTrailers) return 'response-trailers';
  return message.requestTrailers ? 'request-trailers' : 'nothing';
}

/**
 * Why a proxy set up like this cannot be served, or undefined when it can. Modes other than full duplex wait for an
 * answer to the headers before they send the body, while we need the body to answer; and they reject the kind of body
 * answer we give. Older proxies do not tell their modes.
 */
export function unsupportedMode(message: ProcessingRequest): string | undefined {
  const config = message.protocolConfig;
  if (config === null || config === undefined) return undefined;
  if (message.requestHeaders?.endOfStream !== true && !isSupported(config.requestBodyMode)) {
    return 'request_body_mode of the proxy must be FULL_DUPLEX_STREAMED';
  }
  return isSupported(config.responseBodyMode)
    ? undefined
    : 'response_body_mode of the proxy must be FULL_DUPLEX_STREAMED';
}

function requestHeadersKind(message: ProcessingRequest): MessageKind {
  const config = message.protocolConfig;
  if (unsupportedMode(message) !== undefined) return 'request-headers-unsupported';
  // A proxy that shows no bodies has shown all there is to see of the request.
  const bodyless = config !== null && config !== undefined && (config.requestBodyMode ?? 0) === BodySendMode.NONE;
  return bodyless || message.requestHeaders?.endOfStream === true ? 'request-headers-end' : 'request-headers';
}

function isSupported(mode: BodySendMode | null | undefined): boolean {
  return (mode ?? BodySendMode.NONE) === BodySendMode.NONE || mode === BodySendMode.FULL_DUPLEX_STREAMED;
}
