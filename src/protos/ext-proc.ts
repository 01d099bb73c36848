import { finish } from './finish.ts';
import { envoy, type google } from './generated/messages.js';

const { ProcessingRequest, ProcessingResponse } = envoy.service.ext_proc.v3;

/** A part of a request or response on its way to the picker; exactly one of the six parts is set. */
export type ProcessingRequest = envoy.service.ext_proc.v3.ProcessingRequest.$Properties;
/** What the proxy is to do with a part; exactly one of the seven answers is set. */
export type ProcessingResponse = envoy.service.ext_proc.v3.ProcessingResponse.$Properties;
export type HttpBody = envoy.service.ext_proc.v3.HttpBody.$Properties;
/** A body piece on its way on. */
export type StreamedBody = envoy.service.ext_proc.v3.StreamedBodyResponse.$Properties;
export type HeaderMutation = envoy.service.ext_proc.v3.HeaderMutation.$Properties;
export type ImmediateResponse = envoy.service.ext_proc.v3.ImmediateResponse.$Properties;
export type HeaderMap = envoy.config.core.v3.HeaderMap.$Properties;
export type HeaderValue = envoy.config.core.v3.HeaderValue.$Properties;
export type HeaderValueOption = envoy.config.core.v3.HeaderValueOption.$Properties;
export type Metadata = envoy.config.core.v3.Metadata.$Properties;
export type Struct = google.protobuf.Struct.$Properties;
export type StructValue = google.protobuf.Value.$Properties;

/** How a proxy hands over a body. */
export const BodySendMode = envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode;
export type BodySendMode = envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode;

/** What happens to a header that exists already. */
export const HeaderAppendAction = envoy.config.core.v3.HeaderValueOption.HeaderAppendAction;

export const EXT_PROC_SERVICE = 'envoy.service.ext_proc.v3.ExternalProcessor';
export const EXT_PROC_PROCESS_PATH = `/${EXT_PROC_SERVICE}/Process`;

/** Reads one message. Bodies and raw header values are views of `bytes`. Throws an `Error` on malformed bytes. */
export function decodeProcessingRequest(bytes: Uint8Array): ProcessingRequest {
  return ProcessingRequest.decode(bytes);
}

/** The bytes of one message, for a proxy's side of the protocol. */
export function encodeProcessingRequest(message: ProcessingRequest): Buffer {
  return finish(ProcessingRequest.encode(message));
}

/** Reads one answer, for a proxy's side of the protocol. Throws an `Error` on malformed bytes. */
export function decodeProcessingResponse(bytes: Uint8Array): ProcessingResponse {
  return ProcessingResponse.decode(bytes);
}

/** The bytes of one answer. */
export function encodeProcessingResponse(message: ProcessingResponse): Buffer {
  return finish(ProcessingResponse.encode(message));
}
