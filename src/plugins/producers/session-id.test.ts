import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { dataKey, SESSION_ID } from '../../core/data.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { sessionIdProducer } from './session-id.ts';

/** The session a request with `headers` is said to belong to. */
function sessionOf(parameters: object, headers: Record<string, string>): string | undefined {
  const board = new DataBoard();
  const producer = create(sessionIdProducer, parameters, pluginContext({ name: 'mine' }, board));
  const request = inferenceRequest({ headers: { get: (name) => headers[name] }, body: undefined });
  void producer.produce(request, Uint32Array.of(0));
  return board.reader(dataKey(SESSION_ID, 'mine'))(request);
}

describe('session-id-producer', () => {
  it.each([
    [{ 'x-sid': 'one' }, 'one'],
    [{ 'x-sid': ' one ' }, 'one'],
    [{ 'x-sid': ' ' }, undefined],
    [{}, undefined],
    [{ cookie: 'X-Sid=one' }, undefined],
  ])('reads a header: %j is %j', (headers, session) => {
    expect(sessionOf({ headerName: ' X-Sid ' }, headers)).toBe(session);
  });

  it.each([
    ['sid=one', 'one'],
    ['a=b; sid=one; c=d', 'one'],
    ['a=b;sid=one', 'one'],
    [' sid = one ', 'one'],
    ['sid=a=b==', 'a=b=='],
    ['sid="one"', '"one"'],
    ['sid=one; sid=two', 'one'],
    ['sid=', undefined],
    ['sid', undefined],
    ['SID=one', undefined],
    ['xsid=one; sidx=two', undefined],
    ['', undefined],
  ])('reads a cookie: %j is %j', (cookie, session) => {
    expect(sessionOf({ cookieName: 'sid' }, { cookie })).toBe(session);
  });

  it('says nothing where there are no cookies', () => {
    expect(sessionOf({ cookieName: 'sid' }, { sid: 'one' })).toBeUndefined();
  });

  it.each([
    [{}, 'must have exactly one of headerName and cookieName'],
    [{ headerName: 'a', cookieName: 'b' }, 'must have exactly one of headerName and cookieName'],
    [{ headerName: '' }, 'must be the name of a header, for example "x-session-id"'],
    [{ headerName: 'a:b' }, 'must be the name of a header, for example "x-session-id"'],
    [{ cookieName: ' ' }, 'must be the name of a cookie, for example "session"'],
    [{ cookieName: 'a=b' }, 'must be the name of a cookie, for example "session"'],
  ])('refuses %j', (parameters, message) => {
    expect(v.safeParse(sessionIdProducer.config, parameters).issues?.[0].message).toBe(message);
  });
});
