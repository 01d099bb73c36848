import encoding from 'k6/encoding';
import type { Client, Stream } from 'k6/net/grpc';
import grpc from 'k6/net/grpc';
import { clearTimeout, setTimeout } from 'k6/timers';

const METHOD = 'envoy.service.ext_proc.v3.ExternalProcessor/Process';
/** k6 never loses an error, but now and then the event that a stream has ended; then nothing more is waited for. */
const END_WITHIN_MS = 1_000;
const DUPLEX = 'FULL_DUPLEX_STREAMED';

/** An answer of the picker as k6 shows it: JSON names, bytes as base64. */
interface Answer {
  readonly requestHeaders?: object;
  readonly requestBody?: BodyAnswer;
  readonly responseHeaders?: object;
  readonly responseBody?: BodyAnswer;
  readonly immediateResponse?: { readonly status?: { readonly code?: string } };
  readonly dynamicMetadata?: { readonly 'envoy.lb'?: { readonly 'x-gateway-destination-endpoint'?: string } };
}

interface BodyAnswer {
  readonly response?: { readonly bodyMutation?: { readonly streamedResponse?: Piece } };
}

interface Piece {
  readonly body?: string;
  readonly endOfStream?: boolean;
}

/** What became of one request. */
export interface Exchange {
  /** `host:port`, best first. */
  destinations: readonly string[];
  /** From the last byte of the request sent to the last answer to it; whole milliseconds, NaN when none came. */
  pickMs: number;
  requestBody: string;
  responseBody: string;
  /** Whether the picker answered the response's headers, and its body to the end. */
  responseHeaders: boolean;
  complete: boolean;
  /** Why it failed; empty when it did not. */
  error: string;
}

/** Opens a stream, connecting first where there is no connection yet. Throws when the picker cannot be reached. */
export type OpenStream = () => Stream;

/** Streams to `host:port`, TLS unless `plaintext`, all of one user on one connection. */
export function streamsTo(client: Client, hostPort: string, plaintext: boolean): OpenStream {
  let connected = false;
  return () => {
    if (!connected) client.connect(hostPort, { plaintext });
    connected = true;
    return new grpc.Stream(client, METHOD);
  };
}

/**
 * Takes one request and its response past the picker as Envoy does: headers and body, wait for the pick, response
 * headers and body, wait again. Never rejects, whatever the picker does.
 */
export function exchange(open: OpenStream, request: string, response: string, timeoutMs: number): Promise<Exchange> {
  return new Promise((resolve) => {
    const result: Exchange = {
      destinations: [],
      pickMs: Number.NaN,
      requestBody: '',
      responseBody: '',
      responseHeaders: false,
      complete: false,
      error: '',
    };
    let stream: Stream;
    try {
      stream = open();
    } catch (error) {
      resolve({ ...result, error: error instanceof Error ? error.message : String(error) });
      return;
    }
    let sentAtMs = 0;
    const finish = (error: string): void => {
      clearTimeout(timer);
      if (result.error === '') result.error = error;
      resolve(result);
    };
    let timer = setTimeout(() => {
      stream.end();
      finish(`no answer within ${timeoutMs} ms`);
    }, timeoutMs);
    stream.on('error', (error) => finish(String((error as { message?: string }).message)));
    stream.on('end', () => finish(result.complete ? '' : 'the picker ended the stream early'));
    stream.on('data', (data) => {
      const answer = data as Answer;
      if (answer.immediateResponse !== undefined)
        result.error = `refused with ${answer.immediateResponse.status?.code}`;
      if (answer.requestHeaders !== undefined) result.destinations = destinationsOf(answer);
      if (answer.responseHeaders !== undefined) result.responseHeaders = true;
      const asked = take(answer.requestBody);
      result.requestBody += asked.text;
      if (asked.last) {
        result.pickMs = Date.now() - sentAtMs;
        sendResponse(stream, result.destinations[0] ?? '', response);
      }
      const told = take(answer.responseBody);
      result.responseBody += told.text;
      if (!told.last) return;
      result.complete = true;
      stream.end();
      clearTimeout(timer);
      timer = setTimeout(() => finish(''), END_WITHIN_MS);
    });
    sentAtMs = Date.now();
    sendRequest(stream, request);
  });
}

function destinationsOf(answer: Answer): readonly string[] {
  const list = answer.dynamicMetadata?.['envoy.lb']?.['x-gateway-destination-endpoint'] ?? '';
  return list.split(',').filter((entry) => entry !== '');
}

function take(answer: BodyAnswer | undefined): { readonly text: string; readonly last: boolean } {
  const piece = answer?.response?.bodyMutation?.streamedResponse;
  return { text: encoding.b64decode(piece?.body ?? '', 'std', 's'), last: piece?.endOfStream === true };
}

function sendRequest(stream: Stream, body: string): void {
  const headers = headerMap([
    [':method', 'POST'],
    [':path', '/v1/chat/completions'],
    [':scheme', 'http'],
    [':authority', 'gateway'],
    ['content-type', 'application/json'],
  ]);
  stream.write({
    requestHeaders: { headers, endOfStream: false },
    protocolConfig: { requestBodyMode: DUPLEX, responseBodyMode: DUPLEX },
  });
  stream.write({ requestBody: { body: encoding.b64encode(body), endOfStream: true } });
}

function sendResponse(stream: Stream, served: string, body: string): void {
  const headers = headerMap([
    [':status', '200'],
    ['content-type', 'application/json'],
  ]);
  stream.write({
    responseHeaders: { headers, endOfStream: false },
    metadataContext: { filterMetadata: { 'envoy.lb': { 'x-gateway-destination-endpoint-served': served } } },
  });
  stream.write({ responseBody: { body: encoding.b64encode(body), endOfStream: true } });
}

function headerMap(pairs: readonly (readonly [string, string])[]): object {
  return { headers: pairs.map(([key, value]) => ({ key, rawValue: encoding.b64encode(value) })) };
}
