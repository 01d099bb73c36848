import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { create } from '../../test/kit/plugins.ts';
import { idlePool, scraped } from '../../test/kit/pool.ts';
import { listRecorder } from '../../test/kit/recorder.ts';
import { defaultScheduler } from '../../test/kit/scheduler.ts';
import type { Headers } from '../core/headers.ts';
import { openaiParser } from '../plugins/parsers/openai.ts';
import { passthroughParser } from '../plugins/parsers/passthrough.ts';
import { createDirector } from './director.ts';
import { type Exchange, NO_METADATA, type Outcome, type ProxyMetadata } from './exchange.ts';
import { ParserChoice } from './parser-choice.ts';

const CHAT = { ':path': '/v1/chat/completions', 'x-request-id': 'r1' };
const BODY = [Buffer.from('{"model":"m","messages":[{"role":"user","content":"hello"}]}')];

const headersOf = (fields: Record<string, string>): Headers => ({ get: (name) => fields[name] });
const metadata = (changes: Partial<ProxyMetadata>): ProxyMetadata => ({ ...NO_METADATA, ...changes });

function rig(size: number, obeySubset = true) {
  const pool = idlePool(size);
  const clock = manualClock();
  const recorder = listRecorder();
  const parsers = new ParserChoice([create(openaiParser), create(passthroughParser)]);
  const scheduler = defaultScheduler(pool, { fallbacks: 2 });
  const director = createDirector({
    clock,
    pool,
    parsers,
    scheduler,
    recorder,
    newRequestId: () => 'made-up',
    obeySubset,
  });
  const open = (fields: Record<string, string> = CHAT): Exchange => director.open(headersOf(fields));
  const decide = (exchange: Exchange, pieces: Uint8Array[] | undefined = BODY, from = NO_METADATA): Outcome =>
    exchange.decide(pieces, from) as Outcome;
  return { pool, clock, recorder, open, decide };
}

describe('director', () => {
  it('names the best endpoint and two to fall back to', () => {
    const { pool, open, decide } = rig(4);
    scraped(pool, 2, { waiting: 0 });
    for (const slot of [0, 1, 3]) scraped(pool, slot, { waiting: 5 + slot });
    expect(decide(open())).toEqual({
      kind: 'picked',
      destination: '10.0.0.3:8000,10.0.0.1:8000,10.0.0.2:8000',
      setHeaders: [],
      removeHeaders: [],
    });
  });

  it('gives a request without an id one', () => {
    const { open, decide } = rig(1);
    expect(decide(open({ ':path': '/v1/chat/completions' }))).toMatchObject({
      setHeaders: [['x-request-id', 'made-up']],
    });
  });

  it.each([
    ['a body', BODY],
    ['no body', undefined],
  ])('schedules a request with %s within the subset', (_what, pieces) => {
    const { open } = rig(3);
    const outcome = open().decide(pieces, metadata({ subset: () => ['10.0.0.2:8000'] }));
    expect(outcome).toMatchObject({ kind: 'picked', destination: '10.0.0.2:8000' });
  });

  it.each([
    ['an empty pool', 0, undefined],
    ['an empty subset', 3, []],
    ['a subset that names nobody', 3, ['192.168.1.99:8000']],
  ])('refuses with 503 for %s, with and without a body', (_what, size, subset) => {
    const { open, recorder } = rig(size);
    for (const pieces of [BODY, undefined]) {
      expect(open().decide(pieces, metadata({ subset: () => subset }))).toMatchObject({
        kind: 'rejected',
        rejection: { code: 'ServiceUnavailable', dropReason: 'rejected-no-endpoints' },
      });
    }
    expect(recorder.events.filter((event) => event.startsWith('refused'))).toHaveLength(2);
  });

  it('ignores the subset when told to', () => {
    const { open } = rig(1, false);
    expect(open().decide(BODY, metadata({ subset: () => [] }))).toMatchObject({ kind: 'picked' });
  });

  it('refuses a body it cannot read, and one without a model, before it looks at endpoints', () => {
    const { open, decide } = rig(0);
    expect(decide(open(), [Buffer.from('nope')])).toMatchObject({ rejection: { code: 'BadRequest' } });
    expect(decide(open(), [Buffer.from('{"messages":[{}]}')])).toMatchObject({
      rejection: { code: 'BadRequest', message: 'model not found in request body' },
    });
  });

  it('routes what it does not know as opaque bytes', () => {
    const { open, decide } = rig(1);
    expect(decide(open({ ':path': '/v1/audio' }), [Buffer.from([0, 255])])).toMatchObject({ kind: 'picked' });
  });

  it('books the pick until the end, however the stream ends', () => {
    for (const how of ['complete', 'client-disconnect', 'error'] as const) {
      const { pool, open, decide } = rig(2);
      const exchange = open();
      decide(exchange);
      expect(pool.books.total).toBe(1);
      exchange.end(how);
      exchange.end(how);
      expect(pool.books.total).toBe(0);
    }
  });

  it('moves the booking to the endpoint that really served', () => {
    const { pool, open, decide } = rig(2);
    const exchange = open();
    const outcome = decide(exchange);
    const [first, second] = outcome.kind === 'picked' ? outcome.destination.split(',') : [];
    exchange.responseHeaders(headersOf({ ':status': '200' }), metadata({ served: () => second }));
    const inflight = (hostPort: string): number => pool.books.inflight(pool.byHostPort(hostPort)?.slot ?? -1);
    expect([inflight(first), inflight(second), pool.books.total]).toEqual([0, 1, 1]);
    exchange.responseHeaders(headersOf({}), metadata({ served: () => '1.2.3.4:5' }));
    exchange.end('complete');
    expect(pool.books.total).toBe(0);
  });

  it('tells the life of a streamed answer', () => {
    const { clock, recorder, open, decide } = rig(1);
    const exchange = open();
    decide(exchange);
    clock.advance(250);
    exchange.responseHeaders(headersOf({ ':status': '200', 'content-type': 'text/event-stream' }), NO_METADATA);
    exchange.responseBody(Buffer.from('data: 1\n\n'), false);
    clock.advance(20);
    exchange.responseBody(Buffer.from('data: 2\n\n'), false);
    exchange.responseBody(Buffer.alloc(0), false);
    exchange.end('complete');
    expect(recorder.events).toEqual([
      'scheduled success m vllm-0',
      'accepted m',
      'processed',
      'first byte 0.25 streaming',
      'next piece 0.02',
      'complete 0.27 18',
      'end',
    ]);
  });

  it('counts an error status of the server, and no duration for a stream that broke', () => {
    const { recorder, open, decide } = rig(1);
    const exchange = open();
    decide(exchange);
    exchange.responseHeaders(headersOf({ ':status': '503' }), NO_METADATA);
    exchange.end('error');
    expect(recorder.events.slice(-2)).toEqual(['server error', 'end']);
  });
});
