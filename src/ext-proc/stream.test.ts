import { describe, expect, it } from 'vitest';
import { message, PICKED, RecordingWire, type Script, ScriptedDirector } from '../../test/wire/support.ts';
import { NO_ENDPOINTS } from '../core/errors.ts';
import { BodySendMode, type ProcessingRequest } from '../protos/ext-proc.ts';
import type { Outcome } from '../request/exchange.ts';
import { Capacity, type CapacityLimits } from './capacity.ts';
import { ExtProcStream } from './stream.ts';

const REFUSED: Outcome = { kind: 'rejected', rejection: NO_ENDPOINTS, dialect: 'none' };
const FAULT_TEXT = 'immediate 500 inference error: Internal - the endpoint picker failed';

function setUp(script?: Script, maxBodyBytes = 1000, capacity = new Capacity()) {
  const director = new ScriptedDirector(script);
  const wire = new RecordingWire();
  const stream = new ExtProcStream({ director, capacity, maxBodyBytes }, wire);
  const receive = (...messages: ProcessingRequest[]): void => messages.forEach((each) => stream.receive(each));
  return { director, wire, stream, receive };
}

function capacityOf(limits: Partial<CapacityLimits>): Capacity {
  return new Capacity({ maxStreams: Infinity, maxHeldBodyBytes: Infinity, ...limits });
}

const { requestHeaders, requestBody, requestTrailers, responseHeaders, responseBody, responseTrailers } = message;

describe('a request and its response', () => {
  it('is decided when the body is whole and answered in order', () => {
    const { director, wire, stream, receive } = setUp();
    receive(requestHeaders(false), requestBody('{"a":', false));
    expect(wire.short).toEqual([]);
    receive(requestBody('1}', true));
    expect(wire.short).toEqual(['request headers', 'request body {"a":', 'request body 1}$']);
    expect(director.reservations).toBe(1);
    receive(responseHeaders(false), responseBody('x', false), responseBody('', false), responseBody('y', true));
    expect(wire.short.slice(3)).toEqual(['response headers', 'response body x', 'response body ', 'response body y$']);
    expect(director.reservations).toBe(0);
    stream.halfClose();
    expect(wire.closed).toBe('');
    expect(director.calls).toEqual([
      'open /v1',
      'decide {"a":1}',
      'response 200',
      'piece x',
      'piece ',
      'piece y',
      'end complete',
    ]);
  });

  it('puts the end of the body on its last bytes when the end comes in an empty message', () => {
    const { wire, receive } = setUp();
    receive(requestHeaders(false), requestBody('abc', false), requestBody('', true));
    expect(wire.short).toEqual(['request headers', 'request body abc$']);
  });

  it('answers an empty body with one empty piece', () => {
    const { director, wire, receive } = setUp();
    receive(requestHeaders(false), requestBody('', false), requestBody('', true));
    expect(wire.short).toEqual(['request headers', 'request body $']);
    expect(director.calls[1]).toBe('decide ');
  });

  it('has no body when its headers end it', () => {
    const { director, wire, receive } = setUp();
    receive(requestHeaders(true), responseHeaders(true));
    expect(wire.short).toEqual(['request headers', 'response headers']);
    expect(director.calls).toEqual(['open /v1', 'decide without body', 'response 200', 'end complete']);
  });

  it('forwards pieces by reference', () => {
    const { wire, receive } = setUp();
    const body = Buffer.from('abc');
    receive(requestHeaders(false), requestBody(body, true));
    expect(wire.answers[1]?.requestBody?.response?.bodyMutation?.streamedResponse?.body).toBe(body);
  });
});

describe('trailers', () => {
  it('end a request with a body, which then ends without end_of_stream', () => {
    const { director, wire, receive } = setUp();
    receive(requestHeaders(false), requestBody('abc', false), requestTrailers());
    expect(wire.short).toEqual(['request headers', 'request body abc', 'request trailers']);
    expect(director.calls[1]).toBe('decide abc');
  });

  it.each([
    ['no body message', []],
    ['an empty body message', [requestBody('', false)]],
  ])('end a request with %s', (_name, body) => {
    const { director, wire, receive } = setUp();
    receive(requestHeaders(false), ...body, requestTrailers());
    expect(wire.short).toEqual(['request headers', 'request trailers']);
    expect(director.calls[1]).toBe('decide without body');
  });

  it('end a response', () => {
    const { director, wire, receive } = setUp();
    receive(requestHeaders(true), responseHeaders(false), responseBody('x', false), responseTrailers());
    expect(wire.short.slice(1)).toEqual(['response headers', 'response body x', 'response trailers']);
    expect(director.ends).toEqual(['complete']);
  });

  it('after the end of the body break the protocol', () => {
    const { wire, director, receive } = setUp();
    receive(requestHeaders(false), requestBody('abc', true), requestTrailers());
    expect(wire.closed).toBe('unexpected request-trailers message in phase answered');
    expect(director.ends).toEqual(['error']);
    expect(director.reservations).toBe(0);
  });
});

describe('refusals', () => {
  it('answer the client and end the stream', () => {
    const { director, wire, receive } = setUp({ decide: () => REFUSED });
    receive(requestHeaders(false), requestBody('abc', true), requestBody('more', true));
    expect(wire.short).toEqual([expect.stringMatching(/^immediate 503 inference error: ServiceUnavailable/)]);
    expect(wire.closed).toBe('');
    expect(director.ends).toEqual(['complete']);
  });

  it('come for a body beyond the bound, not for one at the bound', () => {
    const fits = setUp(undefined, 10);
    fits.receive(requestHeaders(false), requestBody('12345', false), requestBody('67890', true));
    expect(fits.wire.short[0]).toBe('request headers');
    const exceeds = setUp(undefined, 10);
    exceeds.receive(requestHeaders(false), requestBody('1234567890', false), requestBody('x', true));
    expect(exceeds.wire.short).toEqual(['immediate 413 inference error: BadRequest - request body exceeds 10 bytes']);
    expect(exceeds.wire.closed).toBe('');
    expect(exceeds.director.calls).toEqual(['open /v1', 'end complete']);
  });

  it('come before anything is opened when there is no room for the request', () => {
    for (const last of [true, false]) {
      const capacity = capacityOf({ maxStreams: 1 });
      for (let i = 0; i < 2; i++) capacity.streamStarted();
      const { director, wire, receive } = setUp(undefined, 1000, capacity);
      receive(requestHeaders(last), requestBody('more', true));
      expect(wire.short).toEqual([
        expect.stringMatching(/^immediate 429 inference error: ResourceExhausted - too many/),
      ]);
      expect([wire.closed, director.calls]).toEqual(['', []]);
    }
  });

  it('come for a body there is no memory for, which is let go', () => {
    const capacity = capacityOf({ maxHeldBodyBytes: 10 });
    const { director, wire, receive } = setUp(undefined, 1000, capacity);
    receive(requestHeaders(false), requestBody('1234567890', false));
    expect(capacity.heldBodyBytes).toBe(10);
    receive(requestBody('x', true));
    expect(wire.short).toEqual([expect.stringMatching(/^immediate 429 .*no memory for further request bodies/)]);
    expect([capacity.heldBodyBytes, director.ends]).toEqual([0, ['complete']]);
  });

  it.each<[string, Script]>([
    ['opening throws', { open: fail, decide: () => PICKED }],
    ['deciding throws', { decide: fail }],
    ['there is no outcome', { decide: () => JSON.parse('null') }],
  ])('come when %s', (_name, script) => {
    const { director, wire, receive } = setUp(script);
    receive(requestHeaders(true));
    expect(wire.short).toEqual([FAULT_TEXT]);
    expect(wire.closed).toBe('');
    expect(wire.faults).toHaveLength(1);
    expect(director.ends).toEqual(script.open ? [] : ['error']);
  });

  it('come when the promise of a decision is broken', async () => {
    const { director, wire, receive } = setUp({ decide: async () => fail() });
    receive(requestHeaders(true));
    await settled();
    expect(wire.short).toEqual([FAULT_TEXT]);
    expect(wire.faults).toHaveLength(1);
    expect(director.ends).toEqual(['error']);
  });

  it('do not come from faults of looking at a response, which passes', () => {
    const { wire, director, receive } = setUp({ decide: () => PICKED, observe: fail });
    receive(requestHeaders(true), responseHeaders(false), responseBody('x', true));
    expect(wire.short).toEqual(['request headers', 'response headers', 'response body x$']);
    expect(wire.faults).toHaveLength(3);
    expect(director.reservations).toBe(0);
  });
});

describe('what plugins add to a response', () => {
  const script: Script = {
    decide: () => PICKED,
    headerChanges: { set: [['x-session-token', 'abc']], remove: ['x-internal'] },
    metadata: { 'envoy.lb': { cost: 7, note: 'n' } },
  };
  const fields = { cost: { numberValue: 7 }, note: { stringValue: 'n' } };
  const metadata = { fields: { 'envoy.lb': { structValue: { fields } } } };

  it('goes into the headers and, once, beside the last piece', () => {
    const { wire, receive } = setUp(script);
    receive(requestHeaders(true), responseHeaders(false), responseBody('x', false), responseBody('y', true));
    const [, headers, first, last] = wire.answers;
    expect(headers.responseHeaders?.response?.headerMutation).toMatchObject({
      setHeaders: [{ header: { key: 'x-session-token', rawValue: Buffer.from('abc') } }],
      removeHeaders: ['x-internal'],
    });
    expect(first.dynamicMetadata).toBeUndefined();
    expect(last.dynamicMetadata).toEqual(metadata);
  });

  it('goes beside the trailers where those come last', () => {
    const { wire, receive } = setUp(script);
    receive(requestHeaders(true), responseHeaders(false), responseBody('x', false), responseTrailers());
    expect(wire.answers.slice(1, -1).map(({ dynamicMetadata }) => dynamicMetadata)).toEqual([undefined, undefined]);
    expect(wire.answers.at(-1)?.dynamicMetadata).toEqual(metadata);
  });
});

describe('decisions that take time', () => {
  it('are answered when they are made', async () => {
    const { wire, director, receive } = setUp({ decide: async () => PICKED });
    receive(requestHeaders(false), requestBody('abc', true));
    expect(wire.short).toEqual([]);
    await settled();
    expect(wire.short).toEqual(['request headers', 'request body abc$']);
    expect(director.reservations).toBe(1);
  });

  it.each([
    ['half-close', '', 'client-disconnect'],
    ['cancel', undefined, 'client-disconnect'],
    ['break', undefined, 'error'],
  ])('are dropped on %s', async (how, closed, end) => {
    const { wire, director, stream, receive } = setUp({ decide: async () => PICKED });
    receive(requestHeaders(false), requestBody('abc', true));
    if (how === 'half-close') stream.halfClose();
    else if (how === 'cancel') stream.cancel();
    else stream.break();
    await settled();
    expect(wire.short).toEqual([]);
    expect(wire.closed).toBe(closed);
    expect(director.ends).toEqual([end]);
    expect(director.reservations).toBe(0);
  });

  it('are dropped when the proxy replies by itself, whose reply passes', async () => {
    const { wire, director, receive } = setUp({ decide: async () => PICKED });
    receive(requestHeaders(false), requestBody('abc', true), responseHeaders(false, { ':status': '504' }));
    await settled();
    receive(requestTrailers(), responseBody('timeout', true));
    expect(wire.short).toEqual(['response headers', 'response body timeout$']);
    expect(director.calls).toEqual(['open /v1', 'decide abc', 'end client-disconnect']);
    expect(director.reservations).toBe(0);
  });
});

describe('proxy modes', () => {
  const withModes = (
    requestBodyMode: BodySendMode,
    responseBodyMode: BodySendMode,
    end = false,
  ): ProcessingRequest => ({
    ...requestHeaders(end),
    protocolConfig: { requestBodyMode, responseBodyMode },
  });
  const { NONE, STREAMED, BUFFERED, BUFFERED_PARTIAL, FULL_DUPLEX_STREAMED, GRPC } = BodySendMode;

  it.each([STREAMED, BUFFERED, BUFFERED_PARTIAL, GRPC])('%i for the request body is refused', (mode) => {
    const { wire, director, receive } = setUp();
    receive(withModes(mode, FULL_DUPLEX_STREAMED));
    expect(wire.short).toEqual([
      'immediate 500 inference error: Internal - request_body_mode of the proxy must be FULL_DUPLEX_STREAMED',
    ]);
    expect(wire.closed).toBe('');
    expect(director.calls).toEqual([]);
  });

  it('that would only matter with a body are fine without one', () => {
    const { wire, receive } = setUp();
    receive(withModes(BUFFERED, FULL_DUPLEX_STREAMED, true));
    expect(wire.short).toEqual(['request headers']);
  });

  it('that reject our response bodies are refused before anything is spent', () => {
    const { wire, receive } = setUp();
    receive(withModes(FULL_DUPLEX_STREAMED, STREAMED, true));
    expect(wire.short).toEqual([
      'immediate 500 inference error: Internal - response_body_mode of the proxy must be FULL_DUPLEX_STREAMED',
    ]);
  });

  it('NONE decides on the headers', () => {
    const { wire, director, receive } = setUp();
    receive(withModes(NONE, NONE));
    expect(wire.short).toEqual(['request headers']);
    expect(director.calls[1]).toBe('decide without body');
  });

  it('FULL_DUPLEX_STREAMED waits for the body', () => {
    const { wire, receive } = setUp();
    receive(withModes(FULL_DUPLEX_STREAMED, FULL_DUPLEX_STREAMED));
    expect(wire.short).toEqual([]);
  });

  it('observability ends the stream, which decides nothing', () => {
    const { wire, director, receive } = setUp();
    receive({ ...requestHeaders(true), observabilityMode: true });
    expect(wire.short).toEqual([]);
    expect(wire.closed).toBe('');
    expect(director.calls).toEqual([]);
  });
});

describe('odd streams', () => {
  it('that begin with a response let it pass', () => {
    const { wire, director, stream, receive } = setUp();
    receive(responseHeaders(false), responseBody('x', true));
    stream.halfClose();
    expect(wire.short).toEqual(['response headers', 'response body x$']);
    expect(wire.closed).toBe('');
    expect(director.calls).toEqual([]);
  });

  it('without a known part break the protocol', () => {
    const { wire, receive } = setUp();
    receive({});
    expect(wire.closed).toBe('unexpected nothing message in phase idle');
  });

  it('that stop half way count as a disconnect', () => {
    const { wire, director, stream, receive } = setUp();
    receive(requestHeaders(true), responseHeaders(false), responseBody('x', false));
    stream.halfClose();
    stream.cancel();
    expect(wire.closed).toBe('');
    expect(director.ends).toEqual(['client-disconnect']);
  });
});

describe('metadata', () => {
  it('reaches the decision from any message, and the response', () => {
    let subset: readonly string[] | undefined;
    const { director, receive } = setUp({
      decide: (_pieces, metadata) => {
        subset = metadata.subset();
        return PICKED;
      },
    });
    const hint = { 'x-gateway-destination-endpoint-subset': { stringValue: 'a:1,b:2' } };
    const served = { 'x-gateway-destination-endpoint-served': { stringValue: 'b:2' } };
    receive(
      { ...requestHeaders(false), metadataContext: { filterMetadata: { 'envoy.lb.subset_hint': { fields: hint } } } },
      { ...requestBody('abc', true), metadataContext: { filterMetadata: { 'envoy.lb': {} } } },
      { ...responseHeaders(true), metadataContext: { filterMetadata: { 'envoy.lb': { fields: served } } } },
    );
    expect(subset).toEqual(['a:1', 'b:2']);
    expect(director.calls).toContain('response 200 b:2');
  });
});

function fail(): never {
  throw new Error('scripted fault');
}

/** Lets every promise that is ready run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
