import { describe, expect, it } from 'vitest';
import { headersOf } from '../../test/kit/headers.ts';
import { manualClock } from '../../test/kit/clock.ts';
import { idlePool } from '../../test/kit/pool.ts';
import { listRecorder } from '../../test/kit/recorder.ts';
import { NO_HEADERS } from '../core/headers.ts';
import type { Dialect, InferenceRequest } from '../core/request.ts';
import { promptOf } from '../payload/prompt-bytes.ts';
import { NO_METADATA } from './exchange.ts';
import { ResponseWatch } from './response-watch.ts';
import { Route } from './route.ts';

const SSE = { ':status': '200', 'content-type': 'text/event-stream' };
const JSON_TYPE = { ':status': '200', 'content-type': 'application/json' };
const USAGE = 'data: {"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n';

interface Asked {
  readonly dialect?: Dialect;
  readonly stream?: boolean;
  readonly model?: string;
  readonly targetModel?: string;
  readonly helpers?: readonly number[];
}

/** A request received 1 s ago and accepted; `send` forwards one piece and gives what goes to the client. */
function rig({ dialect = 'openai', stream = false, model = 'm', targetModel = model, helpers }: Asked = {}) {
  const clock = manualClock();
  const pool = idlePool(3);
  const recorder = listRecorder();
  const request: InferenceRequest = {
    id: 'r',
    receivedAtMs: clock.nowMs() - 1000,
    headers: NO_HEADERS,
    path: '',
    body: {
      api: 'chat',
      dialect,
      model,
      stream,
      maxOutputTokens: undefined,
      cacheSalt: '',
      prompt: () => promptOf([]),
    },
    bodyBytes: 0,
    model,
    targetModel,
    priority: 0,
    fairnessId: 'default-flow',
    data: [],
  };
  const route = new Route({ primary: 'p', picks: new Map([['p', Uint32Array.of(0)]]), helpers }, pool);
  const watch = new ResponseWatch({ clock, pool }, { request, recorder: recorder.accepted(request), route });
  recorder.events.length = 0;
  const send = (text: string, last = false): string => Buffer.from(watch.body(Buffer.from(text), last)).toString();
  const open = (fields: Record<string, string>): void => void watch.headers(headersOf(fields), NO_METADATA);
  const booked = (): number[] => Array.from(pool.all, (slot) => pool.books.inflight(slot));
  return { clock, watch, events: recorder.events, open, send, booked };
}

describe('a response as it is watched', () => {
  it('tells the pace of a stream', () => {
    const { clock, watch, events, open, send } = rig();
    open(SSE);
    send('data: {}\n\n');
    clock.advance(2000);
    send(USAGE);
    clock.advance(2000);
    send('data: [DONE]\n\n', true);
    watch.end('complete');
    const bytes = 'data: {}\n\n'.length + USAGE.length + 'data: [DONE]\n\n'.length;
    expect(events).toEqual([
      'first byte 1 streaming',
      'next piece 2',
      'next piece 2',
      `complete 5 ${bytes}`,
      'usage 7 5 undefined',
      'pace 1 1',
      'end',
    ]);
  });

  it.each([
    [1, SSE, 'pace 1 undefined'],
    [2, SSE, 'pace 0.5 0'],
    [2, JSON_TYPE, 'pace 0.5 undefined'],
  ])('%i tokens have the pace they can have', (tokens, headers, expected) => {
    const { watch, events, open, send } = rig();
    open(headers);
    const body = `{"usage":{"completion_tokens":${tokens}}}`;
    send(headers === SSE ? `data: ${body}\n\n` : body, true);
    watch.end('complete');
    expect(events).toContain(expected);
  });

  it.each(['{"usage":{"prompt_tokens":3,"completion_tokens":0}}', '{"usage":{"prompt_tokens":3}}'])(
    'no tokens have no pace: %s',
    (body) => {
      const { watch, events, open, send } = rig();
      open(JSON_TYPE);
      send(body, true);
      watch.end('complete');
      expect(events.filter((event) => /^usage|^pace/.test(event))).toHaveLength(1);
    },
  );

  it('is a stream when the client asked for one, whatever the server calls it', () => {
    const { events, open, send } = rig({ stream: true });
    open(JSON_TYPE);
    send(USAGE);
    expect(events).toEqual(['first byte 1 streaming']);
  });

  it('tells usage once where it comes in several pieces and the body ends with trailers', () => {
    const { watch, events, open, send } = rig();
    open(SSE);
    send(USAGE.slice(0, 20));
    send(USAGE.slice(20).trimEnd());
    expect(watch.trailers()).toHaveLength(0);
    watch.end('complete');
    expect(events.filter((event) => event.startsWith('usage'))).toEqual(['usage 7 5 undefined']);
  });

  it.each(['client-disconnect', 'error'] as const)('tells no usage of a response ended by %s', (how) => {
    const { watch, events, open, send } = rig();
    open(SSE);
    send(USAGE);
    watch.end(how);
    expect(events).toEqual(['first byte 1 streaming', 'end']);
  });

  it('adds up the bytes the server sent, empty pieces too', () => {
    const { watch, events, open, send } = rig({ model: 'a', targetModel: 'longer' });
    open(JSON_TYPE);
    for (const text of ['{"model":"longer"', '', '}']) send(text);
    send('', true);
    watch.end('complete');
    expect(events).toContain('complete 1 18');
  });
});

describe('helpers', () => {
  it('have the request as load until the answer begins', () => {
    const { watch, open, send, booked } = rig({ helpers: [2, 1] });
    expect(booked()).toEqual([1, 1, 1]);
    open(SSE);
    expect(booked()).toEqual([1, 1, 1]);
    send('data: {}\n\n');
    expect(booked()).toEqual([1, 0, 0]);
    send('data: [DONE]\n\n', true);
    watch.end('complete');
    expect(booked()).toEqual([0, 0, 0]);
  });

  it.each(['client-disconnect', 'error'] as const)(
    'are let go by a stream that ends without an answer, by %s',
    (how) => {
      const { watch, booked } = rig({ helpers: [2] });
      expect(booked()).toEqual([1, 0, 1]);
      watch.end(how);
      expect(booked()).toEqual([0, 0, 0]);
    },
  );
});

describe('an answer that failed', () => {
  const failure = 'data: {"error":{"message":"no","code":504}}\n\n';

  it('counts once, for an error inside a good stream', () => {
    const { events, open, send } = rig();
    open(SSE);
    send(failure + failure);
    send(failure, true);
    expect(events.filter((event) => event === 'server error')).toHaveLength(1);
  });

  it('counts once, by its status, and its body is not read', () => {
    const { watch, events, open, send } = rig();
    open({ ...SSE, ':status': '500' });
    send(failure + USAGE, true);
    watch.end('complete');
    expect(events.filter((event) => /^server error|^usage/.test(event))).toEqual(['server error']);
  });

  it.each([
    ['compressed', {}, { ...SSE, 'content-encoding': 'gzip' }],
    ['in a dialect nobody knows', { dialect: 'none' as const }, SSE],
  ])('is not looked for in a body that is %s', (_name, asked, headers) => {
    const { events, open, send } = rig(asked);
    open(headers);
    send(failure + USAGE, true);
    expect(events).toEqual(['first byte 1 streaming']);
  });

  it('is noticed when the stream is cut off inside the error event', () => {
    const { watch, events, open, send } = rig();
    open(SSE);
    send(failure.trimEnd());
    watch.trailers();
    expect(events).toContain('server error');
  });
});

describe('the model name', () => {
  it('is the one the client used, over the border of two pieces', () => {
    const { open, send } = rig({ model: 'llama', targetModel: 'llama-v2' });
    open(SSE);
    expect(send('data: {"model":"llam')).toBe('data: {');
    expect(send('a-v2"}\n\n', true)).toBe('"model":"llama"}\n\n');
  });

  it('is given back before the trailers where it never got whole', () => {
    const { watch, open, send } = rig({ model: 'llama', targetModel: 'llama-v2' });
    open(JSON_TYPE);
    expect(send('{"model":"llam')).toBe('{');
    expect(Buffer.from(watch.trailers()).toString()).toBe('"model":"llam');
  });

  it.each([
    ['equal names', 'llama', 'llama'],
    ['no target', 'llama', ''],
    ['no incoming name', '', 'llama'],
  ])('stays with %s, and the piece is the same object', (_name, model, targetModel) => {
    const { watch, open } = rig({ model, targetModel });
    open(JSON_TYPE);
    const piece = new Uint8Array(Buffer.from('{"model":"llama"}'));
    expect(watch.body(piece, true)).toBe(piece);
  });
});
