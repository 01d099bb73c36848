import { describe, expect, it } from 'vitest';
import { manualClock, manualTimers } from '../../test/kit/clock.ts';
import { headersOf } from '../../test/kit/headers.ts';
import { requestPlan } from '../../test/kit/plan.ts';
import { create } from '../../test/kit/plugins.ts';
import { endpointSpec, idlePool } from '../../test/kit/pool.ts';
import { listRecorder } from '../../test/kit/recorder.ts';
import { reject } from '../core/errors.ts';
import type { Follower, Hooks } from '../core/hooks.ts';
import type { Admitter, Producer } from '../core/kinds.ts';
import type { Plugin } from '../core/plugin.ts';
import { Objectives } from '../datastore/objectives.ts';
import { ModelRewrites } from '../datastore/rewrites.ts';
import { openaiParser } from '../plugins/parsers/openai.ts';
import { maxScorePicker } from '../plugins/pickers/max-score.ts';
import { singleProfileHandler } from '../plugins/profile-handlers/single-profile.ts';
import { Scheduler } from '../scheduling/scheduler.ts';
import { createDirector } from './director.ts';
import { NO_METADATA, type Outcome } from './exchange.ts';
import { ParserChoice } from './parser-choice.ts';
import type { RequestPlan } from './plan.ts';

const CHAT = { ':path': '/v1/chat/completions', 'x-request-id': 'r' };
const BODY = [Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}')];

interface Cast {
  readonly hooks?: Hooks;
  readonly producer?: Producer;
  readonly admitters?: readonly Admitter[];
  readonly plan?: Partial<RequestPlan>;
}

function rig({ hooks = {}, producer, admitters = [], plan: changes = {} }: Cast) {
  const pool = idlePool(2);
  const clock = manualClock();
  const named = <K extends Plugin['kind']>(kind: K, instance: Plugin<K>['instance']): Plugin<K> => {
    return { name: kind, type: kind, metricType: kind, kind, instance };
  };
  const scheduler = new Scheduler(
    {
      producers: producer === undefined ? [] : [named('producer', producer)],
      handler: named('profile-handler', create(singleProfileHandler)),
      profiles: [{ name: 'default', filters: [], scorers: [], picker: named('picker', create(maxScorePicker)) }],
      plugins: [named('hook', hooks)],
    },
    {
      clock,
      timers: manualTimers(),
      answerDeadlineMs: 1000,
      bindDuration: () => () => {},
      minPicks: 1,
      decisionListener: () => undefined,
      onProducerFault() {},
    },
  );
  const recorder = listRecorder();
  let plan = requestPlan({ parsers: new ParserChoice([create(openaiParser)]), scheduler, admitters, ...changes });
  const director = createDirector({
    clock,
    pool,
    plan: () => plan,
    objectives: new Objectives(),
    rewrites: new ModelRewrites(),
    recorder,
    newRequestId: () => 'made-up',
    obeySubset: true,
  });
  return {
    pool,
    recorder,
    replan: (next: Partial<RequestPlan>) => {
      plan = { ...plan, ...next };
    },
    open: (headers: Record<string, string> = {}) => director.open(headersOf({ ...CHAT, ...headers })),
  };
}

describe('plugins on the way of a request', () => {
  it('may change the headers the server sees; what they set is not removed', () => {
    const { open } = rig({
      hooks: {
        onPicked(_request, _schedule, edits) {
          edits.remove('x-old');
          edits.set('x-prefiller-host-port', '10.0.0.9:1');
        },
      },
    });
    expect(open({ 'x-prefiller-host-port': 'forged', 'x-slo-ttft-ms': '1' }).decide(BODY, NO_METADATA)).toMatchObject({
      setHeaders: [['x-prefiller-host-port', '10.0.0.9:1']],
      removeHeaders: ['x-slo-ttft-ms', 'x-old'],
    });
  });

  it('may deny it with a status of their own, before anybody is picked', () => {
    const denial = reject('ResourceExhausted', 'not today');
    const { open, pool } = rig({ admitters: [{ admit: () => undefined }, { admit: () => denial }] });
    expect(open().decide(BODY, NO_METADATA)).toEqual({ kind: 'rejected', rejection: denial, dialect: 'openai' });
    expect(pool.books.total).toBe(0);
  });

  it('follow it to its end, each moment once', () => {
    const told: string[] = [];
    const follower: Follower = {
      onResponse({ endpoint, served }, edits) {
        told.push(`response of ${endpoint.hostPort}, served ${served}`);
        edits.set('x-session-token', 't');
      },
      onFirstPiece: () => void told.push('first piece'),
      onComplete(usage, metadata) {
        told.push(`complete ${usage?.completionTokens}`);
        metadata.set('envoy.lb', 'tokens', usage?.completionTokens ?? 0);
      },
      onEnd: (how) => void told.push(`end ${how}`),
    };
    const { open } = rig({ hooks: { onPicked: () => follower } });
    const exchange = open();
    void exchange.decide(BODY, NO_METADATA);
    const json = { ':status': '200', 'content-type': 'application/json' };
    const served = { ...NO_METADATA, served: () => '10.0.0.2:8000' };
    expect(exchange.responseHeaders(headersOf(json), served)).toEqual({ set: [['x-session-token', 't']], remove: [] });
    exchange.responseBody(Buffer.from('{"usage":{"completion_tokens":'), false);
    exchange.responseBody(Buffer.from('5}}'), true);
    expect(exchange.responseMetadata()).toEqual({ 'envoy.lb': { tokens: 5 } });
    exchange.end('complete');
    exchange.end('complete');
    expect(told).toEqual([
      'response of 10.0.0.2:8000, served 10.0.0.2:8000',
      'first piece',
      'complete 5',
      'end complete',
    ]);
  });

  it('name the flow of a request that names none', () => {
    const seen: string[] = [];
    const { open } = rig({
      hooks: { onPicked: ({ fairnessId }) => void seen.push(fairnessId) },
      plan: { fairnessId: (headers) => headers.get('session-id') },
    });
    void open({ 'session-id': 's' }).decide(BODY, NO_METADATA);
    void open({ 'session-id': 's', 'x-llm-d-inference-fairness-id': 'own' }).decide(BODY, NO_METADATA);
    void open().decide(BODY, NO_METADATA);
    expect(seen).toEqual(['s', 'own', 'default-flow']);
  });

  it('answer 412 to a client that wants its prompt cached where it is not', () => {
    const wanting = { prefer: 'respond-async, If-Available; wait=1' };
    const { open } = rig({ plan: { hasCached: () => false } });
    expect(open(wanting).decide(BODY, NO_METADATA)).toMatchObject({
      rejection: { code: 'PreconditionFailed', message: 'no decode worker has the requested KV cache' },
    });
    expect(open({ prefer: 'not-if-available' }).decide(BODY, NO_METADATA)).toMatchObject({ kind: 'picked' });
    const having = rig({ plan: { hasCached: () => true } });
    expect(having.open(wanting).decide(BODY, NO_METADATA)).toMatchObject({ kind: 'picked' });
  });

  it('keep the configuration the request began with', () => {
    const { open, replan } = rig({});
    const exchange = open();
    replan({ admitters: [{ admit: () => reject('Forbidden', 'the next configuration') }] });
    expect(exchange.decide(BODY, NO_METADATA)).toMatchObject({ kind: 'picked' });
    expect(open().decide(BODY, NO_METADATA)).toMatchObject({ kind: 'rejected' });
  });
});

describe('a producer that waits', () => {
  function waiting() {
    let settle = (): void => {};
    const producer: Producer = {
      produce: () =>
        new Promise<void>((resolve) => {
          settle = resolve;
        }),
    };
    const parts = rig({ producer });
    const exchange = parts.open();
    const decision = Promise.resolve(exchange.decide(BODY, NO_METADATA));
    return { ...parts, exchange, settle: (): Promise<Outcome> => (settle(), decision) };
  }

  it('holds the decision, and only that', async () => {
    const { settle, pool } = waiting();
    expect(pool.books.total).toBe(0);
    expect(await settle()).toMatchObject({ kind: 'picked' });
    expect(pool.books.total).toBe(1);
  });

  it('does not make a request go where the pool has changed meanwhile', async () => {
    const { settle, pool } = waiting();
    pool.replace([endpointSpec(7)]);
    expect(await settle()).toMatchObject({ destination: '10.0.0.8:8000' });
    const other = waiting();
    other.pool.replace([]);
    expect(await other.settle()).toMatchObject({ rejection: { code: 'ServiceUnavailable' } });
  });

  it('books nothing for a client that left meanwhile', async () => {
    const { settle, exchange, pool, recorder } = waiting();
    exchange.end('client-disconnect');
    expect(await settle()).toMatchObject({ kind: 'rejected' });
    expect([pool.books.total, recorder.events]).toEqual([0, []]);
  });
});
