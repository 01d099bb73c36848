import { describe, expect, it } from 'vitest';
import { headersOf } from '../../test/kit/headers.ts';
import { manualClock } from '../../test/kit/clock.ts';
import { requestPlan } from '../../test/kit/plan.ts';
import { create } from '../../test/kit/plugins.ts';
import { idlePool, scraped } from '../../test/kit/pool.ts';
import { listRecorder } from '../../test/kit/recorder.ts';
import { defaultScheduler } from '../../test/kit/scheduler.ts';
import type { SaturationDetector } from '../core/kinds.ts';
import type { InferenceRequest } from '../core/request.ts';
import { Objectives } from '../datastore/objectives.ts';
import { ModelRewrites } from '../datastore/rewrites.ts';
import { openaiParser } from '../plugins/parsers/openai.ts';
import { passthroughParser } from '../plugins/parsers/passthrough.ts';
import { createDirector } from './director.ts';
import { type Exchange, NO_METADATA, type Outcome, type ProxyMetadata } from './exchange.ts';
import { ParserChoice } from './parser-choice.ts';

const CHAT = { ':path': '/v1/chat/completions', 'x-request-id': 'r1' };
const TEXT = '{"model":"m","messages":[{"role":"user","content":"hello"}]}';
const BODY = [Buffer.from(TEXT)];

const metadata = (changes: Partial<ProxyMetadata>): ProxyMetadata => ({ ...NO_METADATA, ...changes });

const bodyOf = (outcome: Outcome): string | undefined =>
  outcome.kind === 'picked' && outcome.body !== undefined ? Buffer.concat(outcome.body).toString() : undefined;

function rig(size: number, obeySubset = true, saturation?: SaturationDetector) {
  const pool = idlePool(size);
  const clock = manualClock();
  const accepted: InferenceRequest[] = [];
  const list = listRecorder();
  const recorder = {
    ...list,
    accepted(request: InferenceRequest) {
      accepted.push(request);
      return list.accepted(request);
    },
  };
  const objectives = new Objectives();
  const rewrites = new ModelRewrites();
  const parsers = new ParserChoice([create(openaiParser), create(passthroughParser)]);
  const scheduler = defaultScheduler(pool, { fallbacks: 2 });
  const plan = requestPlan({ parsers, scheduler, saturation });
  const director = createDirector({
    clock,
    pool,
    plan: () => plan,
    objectives,
    rewrites,
    recorder,
    newRequestId: () => 'made-up',
    obeySubset,
  });
  const open = (fields: Record<string, string> = CHAT): Exchange => director.open(headersOf(fields));
  const decide = (exchange: Exchange, pieces: Uint8Array[] | undefined = BODY, from = NO_METADATA): Outcome =>
    exchange.decide(pieces, from) as Outcome;
  return { pool, clock, recorder, accepted, objectives, rewrites, open, decide };
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

  it('keeps from the server what the client may not tell it', () => {
    const { open, decide } = rig(1);
    const forged = { ...CHAT, 'x-prefiller-host-port': '9.9.9.9:1', 'x-slo-ttft-ms': '5', 'x-mine': 'stays' };
    expect(decide(open(forged))).toMatchObject({
      setHeaders: [],
      removeHeaders: ['x-slo-ttft-ms', 'x-prefiller-host-port'],
    });
  });

  it.each([
    ['the objective', { 'x-llm-d-inference-objective': 'gold', 'x-gateway-inference-objective': 'batch' }, 4],
    ['its deprecated name', { 'x-gateway-inference-objective': 'batch' }, -1],
    ['an unknown objective', { 'x-llm-d-inference-objective': 'lead' }, 0],
    ['no objective', {}, 0],
  ])('takes the priority from %s', (_what, headers, priority) => {
    const { objectives, accepted, open, decide } = rig(1);
    objectives.replace([
      { name: 'gold', priority: 4 },
      { name: 'batch', priority: -1 },
    ]);
    decide(open({ ...CHAT, ...headers }));
    decide(open({ ...CHAT, ...headers }), undefined);
    expect(accepted.map((request) => request.priority)).toEqual([priority, priority]);
  });

  it.each([
    [{ 'x-llm-d-inference-fairness-id': 'a', 'x-gateway-inference-fairness-id': 'b' }, 'a'],
    [{ 'x-gateway-inference-fairness-id': 'b' }, 'b'],
    [{}, 'default-flow'],
  ])('takes the fairness id from %j', (headers, fairnessId) => {
    const { accepted, open, decide } = rig(1);
    decide(open({ ...CHAT, ...headers }));
    expect(accepted).toMatchObject([{ fairnessId }]);
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

  it('sheds negative priorities once the candidates are full, and nobody else', () => {
    let fullness = 0;
    const asked: number[] = [];
    const detector = {
      saturation(candidates: Uint32Array) {
        asked.push(candidates.length);
        return fullness;
      },
    };
    const { objectives, open, decide } = rig(3, true, detector);
    objectives.replace([{ name: 'batch', priority: -1 }]);
    const batch = { ...CHAT, 'x-llm-d-inference-objective': 'batch' };
    const outcomes = [0.999, 1, 7].map((value) => {
      fullness = value;
      return [decide(open(batch)).kind, decide(open()).kind];
    });
    expect(outcomes).toEqual([
      ['picked', 'picked'],
      ['rejected', 'picked'],
      ['rejected', 'picked'],
    ]);
    expect(open(batch).decide(BODY, metadata({ subset: () => ['10.0.0.2:8000'] }))).toMatchObject({
      rejection: {
        code: 'ResourceExhausted',
        message: 'system saturated, sheddable request dropped',
        dropReason: 'rejected-saturated',
      },
      dialect: 'openai',
    });
    expect(asked).toEqual([3, 3, 3, 1]);
    expect(open(batch).decide(BODY, metadata({ subset: () => [] }))).toMatchObject({
      rejection: { code: 'ServiceUnavailable' },
    });
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

  it('sends each request for the model that rule, header and body give, in that order', () => {
    const { accepted, recorder, rewrites, open, decide } = rig(1);
    const header = { ...CHAT, 'x-llm-d-model-name-rewrite': 'by-header', 'x-gateway-model-name-rewrite': 'older' };
    expect(bodyOf(decide(open()))).toBeUndefined();
    expect(bodyOf(decide(open(header)))).toBe(TEXT.replace('"m"', '"by-header"'));
    expect(bodyOf(decide(open({ ...CHAT, 'x-gateway-model-name-rewrite': 'older' })))).toContain('"older"');
    expect(bodyOf(decide(open({ ...CHAT, 'x-llm-d-model-name-rewrite': 'm' })))).toBeUndefined();
    const rules = [{ models: ['m'], targets: [{ model: 'by-rule', weight: undefined }] }];
    rewrites.replace([{ name: 'r', createdAtMs: 0, rules }]);
    expect(bodyOf(decide(open(header)))).toBe(TEXT.replace('"m"', '"by-rule"'));
    expect(accepted.map(({ model, targetModel }) => `${model} ${targetModel}`)).toEqual([
      'm m',
      'm by-header',
      'm older',
      'm m',
      'm by-rule',
    ]);
    expect(recorder.events.filter((event) => event.startsWith('rewritten'))).toEqual(['rewritten r m by-rule']);
  });

  it('fills in a missing model by a rule for every model, or by the header', () => {
    const { rewrites, open, decide } = rig(1);
    const nameless = [Buffer.from('{"messages":[{}]}')];
    expect(decide(open(), nameless)).toMatchObject({ rejection: { message: 'model not found in request body' } });
    expect(bodyOf(decide(open({ ...CHAT, 'x-llm-d-model-name-rewrite': 'h' }), nameless))).toBe(
      '{"model":"h","messages":[{}]}',
    );
    const rules = [{ models: [], targets: [{ model: 'any', weight: 1 }] }];
    rewrites.replace([{ name: 'r', createdAtMs: 0, rules }]);
    expect(bodyOf(decide(open(), nameless))).toBe('{"model":"any","messages":[{}]}');
  });

  it('refuses what a rule without targets leaves without a model', () => {
    const { rewrites, open, decide } = rig(1);
    rewrites.replace([{ name: 'r', createdAtMs: 0, rules: [{ models: ['m'], targets: [] }] }]);
    expect(decide(open())).toMatchObject({ rejection: { code: 'BadRequest' }, dialect: 'openai' });
  });

  it('rewrites nothing it cannot read', () => {
    const { rewrites, accepted, recorder, open, decide } = rig(1);
    rewrites.replace([{ name: 'r', createdAtMs: 0, rules: [{ models: [], targets: [{ model: 'x', weight: 1 }] }] }]);
    const opaque = decide(open({ ':path': '/v1/audio', 'x-llm-d-model-name-rewrite': 'y' }), [Buffer.from([1])]);
    expect(opaque).toMatchObject({ kind: 'picked', removeHeaders: ['x-llm-d-model-name-rewrite'] });
    expect(bodyOf(opaque)).toBeUndefined();
    expect(bodyOf(decide(open({ ':path': '/health' }), undefined))).toBeUndefined();
    expect(accepted.map(({ targetModel }) => targetModel)).toEqual(['', '']);
    expect(recorder.events.some((event) => event.startsWith('rewritten'))).toBe(false);
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
