import { describe, expect, it } from 'vitest';
import { NO_ENDPOINTS, reject } from '../core/errors.ts';
import { decodeProcessingResponse, encodeProcessingResponse, HeaderAppendAction } from '../protos/ext-proc.ts';
import {
  type Answer,
  MAX_BODY_PIECE_BYTES,
  refusalAnswer,
  REQUEST_TRAILERS_ANSWER,
  requestHeadersAnswer,
  RESPONSE_HEADERS_ANSWER,
  RESPONSE_TRAILERS_ANSWER,
  sendBody,
  tooLargeAnswer,
} from './response.ts';

function pieces(body: readonly Uint8Array[], last: boolean): { size: number; end: boolean; bytes: Uint8Array }[] {
  const sent: { size: number; end: boolean; bytes: Uint8Array }[] = [];
  const send = (answer: Answer): void => {
    if (Buffer.isBuffer(answer)) throw new Error('bytes');
    const part = answer.requestBody?.response?.bodyMutation?.streamedResponse;
    if (!part?.body) throw new Error('no streamed body');
    sent.push({ size: part.body.length, end: part.endOfStream === true, bytes: part.body });
  };
  sendBody({ send }, 'requestBody', body, last);
  return sent;
}

describe('answer to request headers', () => {
  const answer = requestHeadersAnswer({
    kind: 'picked',
    destination: 'a:1,b:2',
    setHeaders: [['x-a', 'ü']],
    removeHeaders: ['x-b'],
  });
  const { requestHeaders, dynamicMetadata } = decodeProcessingResponse(encodeProcessingResponse(answer));
  const common = requestHeaders?.response;

  it('sets the destination and what else must change, and removes what it must', () => {
    const option = (key: string, value: string): object => ({
      header: { key, rawValue: Buffer.from(value) },
      appendAction: HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    });
    expect(common?.headerMutation).toMatchObject({
      setHeaders: [option('x-gateway-destination-endpoint', 'a:1,b:2'), option('x-a', 'ü')],
      removeHeaders: ['x-b'],
    });
    expect(common?.clearRouteCache).toBe(true);
  });

  it('names the identical destination in the metadata of the load balancer', () => {
    const stringValue = 'a:1,b:2';
    expect(dynamicMetadata).toMatchObject({
      fields: { 'envoy.lb': { structValue: { fields: { 'x-gateway-destination-endpoint': { stringValue } } } } },
    });
    expect(Object.keys(dynamicMetadata?.fields ?? {})).toEqual(['envoy.lb']);
    const balancer = dynamicMetadata?.fields?.['envoy.lb']?.structValue?.fields;
    expect(Object.keys(balancer ?? {})).toEqual(['x-gateway-destination-endpoint']);
  });

  it('gives the scores beside the destination where there are any', () => {
    const scores = new Map([
      ['a:1', 2.5],
      ['[2001:db8::1]:8000', 0],
    ]);
    const given = requestHeadersAnswer({
      kind: 'picked',
      destination: 'a:1',
      setHeaders: [],
      removeHeaders: [],
      scores,
    });
    const decoded = decodeProcessingResponse(encodeProcessingResponse(given));
    expect(decoded.dynamicMetadata?.fields?.['envoy.lb']?.structValue?.fields).toMatchObject({
      'x-gateway-destination-endpoint': { stringValue: 'a:1' },
      'x-gateway-destination-endpoint-scores': {
        structValue: { fields: { 'a:1': { numberValue: 2.5 }, '[2001:db8::1]:8000': { numberValue: 0 } } },
      },
    });
  });
});

describe('body answers', () => {
  it.each([
    [[0], [0]],
    [[62_000], [62_000]],
    [[62_001], [62_000, 1]],
    [[124_000], [62_000, 62_000]],
    [[150_000], [62_000, 62_000, 26_000]],
    [
      [1, 62_001, 2],
      [1, 62_000, 1, 2],
    ],
  ])('pieces of %j go out as %j', (given, expected) => {
    const sent = pieces(
      given.map((size) => Buffer.alloc(size)),
      true,
    );
    expect(sent.map(({ size }) => size)).toEqual(expected);
    expect(sent.map(({ end }) => end)).toEqual(expected.map((_, i) => i === expected.length - 1));
    expect(MAX_BODY_PIECE_BYTES).toBe(62_000);
  });

  it('passes pieces by reference and cuts without copying', () => {
    const small = Buffer.alloc(10);
    const large = Buffer.alloc(100_000);
    const sent = pieces([small, large], false);
    expect(sent[0]?.bytes).toBe(small);
    expect(sent[1]?.bytes.buffer).toBe(large.buffer);
    expect(sent.some(({ end }) => end)).toBe(false);
  });
});

describe('refusals', () => {
  it('tells status, text and drop reason', () => {
    const { immediateResponse } = decodeProcessingResponse(encodeProcessingResponse(refusalAnswer(NO_ENDPOINTS)));
    expect(immediateResponse?.status?.code).toBe(503);
    expect(Buffer.from(immediateResponse?.body ?? []).toString()).toBe(
      'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request',
    );
    const [option, ...others] = immediateResponse?.headers?.setHeaders ?? [];
    expect(others).toEqual([]);
    expect(option?.header?.key).toBe('x-llm-d-request-dropped-reason');
    expect(Buffer.from(option?.header?.rawValue ?? []).toString()).toBe('rejected-no-endpoints');
  });

  it('adds no header without a drop reason', () => {
    expect(refusalAnswer(reject('BadRequest', 'no')).immediateResponse?.headers).toBeUndefined();
  });

  it('speaks the API of the client, and says that it is JSON', () => {
    const answer = decodeProcessingResponse(encodeProcessingResponse(refusalAnswer(NO_ENDPOINTS, 'anthropic')));
    const { status, headers, body } = answer.immediateResponse ?? {};
    expect(status?.code).toBe(503);
    const fields = (headers?.setHeaders ?? []).map(({ header }) => [
      header?.key,
      Buffer.from(header?.rawValue ?? []).toString(),
    ]);
    expect(fields).toEqual([
      ['content-type', 'application/json'],
      ['x-llm-d-request-dropped-reason', 'rejected-no-endpoints'],
    ]);
    expect(JSON.parse(Buffer.from(body ?? []).toString())).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error' },
    });
  });

  it('tells the bound of a body', () => {
    const { immediateResponse } = tooLargeAnswer(10);
    expect(immediateResponse?.status?.code).toBe(413);
    expect(Buffer.from(immediateResponse?.body ?? []).toString()).toBe(
      'inference error: BadRequest - request body exceeds 10 bytes',
    );
  });
});

it('leaves response headers and trailers as they are', () => {
  expect(decodeProcessingResponse(RESPONSE_HEADERS_ANSWER).responseHeaders).toEqual({});
  expect(decodeProcessingResponse(REQUEST_TRAILERS_ANSWER).requestTrailers).toEqual({});
  expect(decodeProcessingResponse(RESPONSE_TRAILERS_ANSWER).responseTrailers).toEqual({});
});
