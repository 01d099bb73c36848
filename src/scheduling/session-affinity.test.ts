import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { manualClock } from '../../test/kit/clock.ts';
import { NO_EDITS } from '../../test/kit/edits.ts';
import { inferenceRequest, NO_METER, pluginContext } from '../../test/kit/plugins.ts';
import { endpointAt, endpointSpec, idlePool } from '../../test/kit/pool.ts';
import { AGENT_IDENTITY_KEY, dataKey, SESSION_ID } from '../core/data.ts';
import type { Candidates } from '../core/endpoint.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Schedule } from '../core/schedule.ts';
import { DataBoard } from './data-board.ts';
import { createSessionAffinity, sessionKeys, sessionNotes } from './session-affinity.ts';
import { sessionParameters } from './session-parameters.ts';

const from = (fields: Record<string, string>): InferenceRequest =>
  inferenceRequest({ headers: { get: (name) => fields[name] } });
const picks = (slot: number, more: Record<string, number> = {}): Schedule => ({
  primary: 'decode',
  picks: new Map(Object.entries({ decode: slot, ...more }).map(([name, each]) => [name, Uint32Array.of(each)])),
});
const parse = (parameters: unknown) => v.parse(sessionParameters, parameters);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function rig(parameters: object = {}, size = 4) {
  const pool = idlePool(size);
  const clock = manualClock();
  const board = new DataBoard();
  const sizes: number[] = [];
  const meter = { ...NO_METER, sessionBindings: (sessions: number) => void sizes.push(sessions) };
  const context = pluginContext({ name: 'me', endpoints: pool, clock, meter }, board);
  const affinity = createSessionAffinity(parse(parameters), context);
  const slotOf = (request: InferenceRequest, candidates: Candidates = pool.all): number | undefined => {
    const index = affinity.indexOf(request, candidates);
    return index < 0 ? undefined : candidates[index];
  };
  const pick = (request: InferenceRequest, schedule: Schedule) => affinity.onPicked(request, schedule, NO_EDITS);
  return { pool, clock, board, sizes, slotOf, pick };
}

describe('session tokens', () => {
  /** What a response of `served` gets after `schedule`. */
  function written(parameters: object, schedule: Schedule, served: number, then?: () => void): string[][] {
    const { pool, pick } = rig(parameters);
    const endpoint = endpointAt(pool, served);
    const headers: string[][] = [];
    const follower = pick(from({}), schedule);
    then?.();
    const head = { headers: { get: () => undefined }, served: endpoint.hostPort, endpoint };
    follower?.onResponse?.(head, { ...NO_EDITS, set: (...header) => void headers.push(header) });
    return headers;
  }

  it('lead back to the endpoint they name', () => {
    const { slotOf } = rig();
    expect(slotOf(from({ 'x-session-token': 'ZGVmYXVsdC92bGxtLTI=' }))).toBe(2);
    expect(slotOf(from({ 'x-session-token': 'ZGVmYXVsdC92bGxtLTI=' }), Uint32Array.of(0, 1))).toBeUndefined();
    expect(slotOf(from({}))).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['an endpoint of another namespace', base64('other/vllm-2')],
    ['an endpoint that is not there', base64('default/vllm-99')],
    ['a name without namespace', base64('vllm-2')],
    ['plain text', 'default/vllm-2'],
    ['no padding', 'ZGVmYXVsdC92bGxtLTI'],
    ['a blank in it', 'ZGVmYXVs dC92bGxtLTI='],
    ['bytes that are no text', '//79/A=='],
    ['more than any endpoint needs', base64('default/vllm-2'.padEnd(800, '/'))],
  ])('with %s are ignored', (_what, token) => {
    expect(rig().slotOf(from({ 'x-session-token': token }))).toBeUndefined();
  });

  it('in the URL alphabet are ignored', () => {
    const { pool, slotOf } = rig();
    pool.replace([endpointSpec(0, { name: 'a???>>>' })]);
    const token = base64('default/a???>>>');
    expect(token).toBe('ZGVmYXVsdC9hPz8/Pj4+');
    expect(slotOf(from({ 'x-session-token': token }))).toBe(pool.all[0]);
    expect(slotOf(from({ 'x-session-token': token.replaceAll('/', '_').replaceAll('+', '-') }))).toBeUndefined();
  });

  it('find an endpoint that came back in another slot', () => {
    const { pool, slotOf } = rig();
    pool.replace([]);
    pool.replace([endpointSpec(2)]);
    expect(pool.all[0]).not.toBe(2);
    expect(slotOf(from({ 'x-session-token': base64('default/vllm-2') }))).toBe(pool.all[0]);
  });

  it('are written for the endpoint that served, not the one that was picked', () => {
    expect(written({}, picks(1), 3)).toEqual([['x-session-token', base64('default/vllm-3')]]);
    expect(written({ profileName: 'decode' }, picks(1), 3)).toEqual([['x-session-token', base64('default/vllm-3')]]);
  });

  it('are written for the pick of another profile, where it ran', () => {
    const header = { profileName: 'prefill', encodedEndpointHeaderConfig: { header: ' X-Prefill-Token ' } };
    expect(written(header, picks(1, { prefill: 2 }), 3)).toEqual([['x-prefill-token', base64('default/vllm-2')]]);
    expect(written(header, picks(1), 3)).toEqual([]);
  });

  it('need no data and keep none', () => {
    expect([sessionKeys(parse({})), sessionNotes(parse({}), 'me')]).toEqual([[], []]);
  });
});

describe('bound sessions', () => {
  const BOUND = { strategy: 'session_id' };
  const a = (): InferenceRequest => from({ 'x-session-id': 'a' });

  it('stay where they were sent first', () => {
    const { slotOf, pick } = rig(BOUND);
    expect(slotOf(a())).toBeUndefined();
    pick(a(), picks(2));
    expect([slotOf(a()), slotOf(from({ 'x-session-id': 'b' })), slotOf(from({}))]).toEqual([2, undefined, undefined]);
  });

  it('stay when another endpoint was preferred to theirs', () => {
    const { slotOf, pick } = rig(BOUND);
    pick(a(), picks(2));
    const request = a();
    expect(slotOf(request)).toBe(2);
    pick(request, picks(3));
    expect(slotOf(a())).toBe(2);
  });

  it('move when their endpoint is not among the candidates, and do not move back', () => {
    const { pool, slotOf, pick } = rig(BOUND);
    pick(a(), picks(2));
    const request = a();
    expect(slotOf(request, Uint32Array.of(0, 1, 3))).toBeUndefined();
    pick(request, picks(3));
    expect(slotOf(a())).toBe(3);
    expect(slotOf(a(), pool.all)).toBe(3);
  });

  it('do not move when a request was sent elsewhere without anyone having looked', () => {
    const { slotOf, pick } = rig(BOUND);
    pick(a(), picks(2));
    pick(a(), picks(3));
    expect(slotOf(a())).toBe(2);
  });

  it('do not move when one of several profiles has their endpoint', () => {
    const { slotOf, pick } = rig(BOUND);
    pick(a(), picks(2));
    for (const order of [
      [Uint32Array.of(0, 1), Uint32Array.of(2, 3)],
      [Uint32Array.of(2, 3), Uint32Array.of(0, 1)],
    ]) {
      const request = a();
      for (const candidates of order) slotOf(request, candidates);
      pick(request, picks(3));
      expect(slotOf(a())).toBe(2);
    }
  });

  it('outlive an endpoint that leaves and comes back while nobody asks', () => {
    const { pool, slotOf, pick } = rig(BOUND);
    pick(a(), picks(2));
    pool.replace([0, 1, 3].map((index) => endpointSpec(index)));
    expect(pool.byId('default/vllm-2')).toBeUndefined();
    pool.replace([0, 1, 2, 3].map((index) => endpointSpec(index)));
    const slot = pool.byId('default/vllm-2')?.slot;
    expect(slot).not.toBe(2);
    expect(slotOf(a())).toBe(slot);
  });

  it('never follow a slot to its next tenant', () => {
    const { pool, slotOf, pick } = rig(BOUND, 1);
    pick(a(), picks(0));
    pool.replace([endpointSpec(1)]);
    // Freed slots rest for a while.
    for (let round = 2; pool.all[0] !== 0 && round < 200; round++) pool.replace([endpointSpec(round)]);
    expect([pool.all[0], slotOf(a())]).toEqual([0, undefined]);
  });

  it('end after the time nobody uses them, which is 300 s unless told otherwise', () => {
    for (const [parameters, seconds] of [
      [BOUND, 300],
      [{ ...BOUND, sessionIdConfig: { evictionTtlSeconds: 0.5 } }, 0.5],
    ] as const) {
      const { clock, slotOf, pick } = rig(parameters);
      pick(a(), picks(2));
      clock.advance(seconds * 1000);
      expect(slotOf(a())).toBe(2);
      pick(a(), picks(2));
      clock.advance(seconds * 1000 + 1);
      expect(slotOf(a())).toBeUndefined();
    }
  });

  it('follow the pick of the profile they are for, where it ran', () => {
    const { slotOf, pick } = rig({ ...BOUND, profileName: 'prefill' });
    pick(a(), picks(1));
    expect(slotOf(a())).toBeUndefined();
    pick(a(), picks(1, { prefill: 2 }));
    expect(slotOf(a())).toBe(2);
  });

  it('are named by the first source that is not empty', () => {
    const sources = [
      { header: 'X-First' },
      { attribute: 'SessionIDDataKey', producer: 'mine' },
      { attribute: 'agent-identity' },
      { header: 'x-last' },
    ];
    const parameters = { ...BOUND, sessionIdConfig: { sources } };
    const { board, slotOf, pick } = rig(parameters);
    const publish = board.writer(dataKey(SESSION_ID, 'mine'));
    const identify = board.writer(AGENT_IDENTITY_KEY);
    const request = (first: string, session?: string, agent?: string, last = ''): InferenceRequest => {
      const made = from({ 'x-first': first, 'x-last': last });
      if (session !== undefined) publish(made, session);
      if (agent !== undefined) identify(made, agent);
      return made;
    };
    pick(request(' one ', 'two', 'three', 'four'), picks(0));
    pick(request(' ', 'two', 'three', 'four'), picks(1));
    pick(request('', undefined, 'three', 'four'), picks(2));
    pick(request('', ' ', '', 'four'), picks(3));
    const found = ['one', 'two', 'three', 'four'].map((name) => slotOf(request(name)));
    expect(found).toEqual([0, 1, 2, 3]);
    expect(sessionKeys(parse(parameters)).map(({ type, producer }) => [type.name, producer])).toEqual([
      ['SessionIDDataKey', 'mine'],
      ['agent-identity', ''],
    ]);
  });

  it('tell how many there are', () => {
    const { sizes, pick } = rig(BOUND);
    for (const id of ['a', 'b', 'b']) pick(from({ 'x-session-id': id }), picks(0));
    pick(from({}), picks(0));
    expect(sizes).toEqual([1, 2, 2]);
  });
});

describe('parameters', () => {
  it('default to a token in x-session-token and a session in x-session-id', () => {
    const { encodedEndpointHeaderConfig: token, sessionIdConfig: session, ...rest } = parse({});
    expect(rest).toEqual({ strategy: 'encoded_endpoint_header', profileName: '' });
    expect(token).toEqual({ header: 'x-session-token' });
    expect(session).toEqual({
      sources: [{ header: 'x-session-id', producer: '' }],
      evictionTtlSeconds: 300,
      evictionSweepSeconds: 10,
    });
    expect(parse({ encodedEndpointHeaderConfig: { header: ' ' } }).encodedEndpointHeaderConfig).toEqual(token);
    expect(parse({ sessionIdConfig: { sources: [] } }).sessionIdConfig).toEqual(session);
  });

  it.each([
    [{ strategy: 'sticky' }, 'must be encoded_endpoint_header or session_id'],
    [{ encodedEndpointHeaderConfig: { header: 'x y' } }, 'must be the name of a header, for example "x-session-id"'],
    [{ sessionIdConfig: { sources: [{}] } }, 'must have exactly one of header and attribute'],
    [
      { sessionIdConfig: { sources: [{ header: 'a', attribute: 'agent-identity' }] } },
      'must have exactly one of header and attribute',
    ],
    [
      { sessionIdConfig: { sources: [{ header: ':path' }] } },
      'must be the name of a header, for example "x-session-id"',
    ],
    [{ sessionIdConfig: { sources: [{ attribute: 'peer' }] } }, 'must be SessionIDDataKey or agent-identity'],
    [
      { sessionIdConfig: { sources: [{ attribute: 'SessionIDDataKey' }] } },
      'must name the plugin that produces SessionIDDataKey, for example "session-id-producer"',
    ],
    [
      { sessionIdConfig: { sources: [{ attribute: 'agent-identity', producer: 'x' }] } },
      'must be left out: only SessionIDDataKey has one',
    ],
    [
      { sessionIdConfig: { sources: [{ header: 'x', producer: 'x' }] } },
      'must be left out: only SessionIDDataKey has one',
    ],
    [{ sessionIdConfig: { evictionTtlSeconds: 0 } }, 'must be above 0'],
    [{ sessionIdConfig: { evictionSweepSeconds: -1 } }, 'must be above 0'],
  ])('refuse %j', (parameters, message) => {
    expect(v.safeParse(sessionParameters, parameters).issues?.map((issue) => issue.message)).toEqual([message]);
  });
});
