import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { answeringApi } from '../../test/kit/kubernetes.ts';
import { AccessReview } from './access-review.ts';
import type { ApiRequest } from './api.ts';
import { errorOf } from './api-error.ts';

const TOKENS = '/apis/authentication.k8s.io/v1/tokenreviews';
const ACCESS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const ALICE = { username: 'alice', uid: '7', groups: ['staff'], extra: { scopes: ['x'] } };

function rig() {
  const clock = manualClock();
  const asked: ApiRequest[] = [];
  const answers = {
    status: { authenticated: true, user: ALICE } as unknown,
    allowed: { allowed: true } as unknown,
    fault: undefined as Error | undefined,
    gate: Promise.resolve(),
  };
  const api = answeringApi(async (request) => {
    asked.push(request);
    await answers.gate;
    if (answers.fault !== undefined) throw answers.fault;
    return { status: request.path === TOKENS ? answers.status : answers.allowed };
  });
  return { clock, asked, answers, review: new AccessReview(api, clock) };
}

describe('access review', () => {
  it('asks whose the token is, then whether they may get the path, with all that is known of them', async () => {
    const { review, asked } = rig();
    expect(await review.authorize('secret', '/metrics')).toBe('ok');
    expect(asked.map(({ method, path, body }) => [method, path, (body as { spec: unknown }).spec])).toEqual([
      ['POST', TOKENS, { token: 'secret' }],
      [
        'POST',
        ACCESS,
        {
          user: 'alice',
          uid: '7',
          groups: ['staff'],
          extra: { scopes: ['x'] },
          nonResourceAttributes: { path: '/metrics', verb: 'get' },
        },
      ],
    ]);
  });

  it.each([
    [{ authenticated: false }, { allowed: true }, 'unauthenticated'],
    [{ error: 'expired' }, { allowed: true }, 'unauthenticated'],
    [{ authenticated: true }, { allowed: true }, 'unauthenticated'],
    [{ authenticated: true, user: ALICE }, { allowed: false }, 'forbidden'],
  ])('reads %j and %j as %s', async (status, allowed, verdict) => {
    const { review, answers } = rig();
    Object.assign(answers, { status, allowed });
    expect(await review.authorize('t', '/metrics')).toBe(verdict);
  });

  it('keeps what is allowed for a minute, for this token and this path', async () => {
    const { review, asked, clock } = rig();
    await review.authorize('t', '/metrics');
    clock.advance(59_999);
    await review.authorize('t', '/metrics');
    expect(asked.length).toBe(2);
    clock.advance(1);
    await review.authorize('t', '/metrics');
    expect(asked.length).toBe(4);
    await review.authorize('t', '/debug/health');
    await review.authorize('u', '/metrics');
    expect(asked.length).toBe(8);
  });

  it('keeps a refusal for ten seconds', async () => {
    const { review, asked, answers, clock } = rig();
    answers.allowed = { allowed: false };
    await review.authorize('t', '/metrics');
    clock.advance(9_999);
    answers.allowed = { allowed: true };
    expect(await review.authorize('t', '/metrics')).toBe('forbidden');
    clock.advance(1);
    expect(await review.authorize('t', '/metrics')).toBe('ok');
    expect(asked.length).toBe(4);
  });

  it('forgets the oldest of more than 256 tokens', async () => {
    const { review, asked } = rig();
    for (let i = 0; i <= 256; i++) await review.authorize(`t${i}`, '/metrics');
    await review.authorize('t1', '/metrics');
    expect(asked.length).toBe(2 * 257);
    await review.authorize('t0', '/metrics');
    expect(asked.length).toBe(2 * 258);
  });

  it('lets who was allowed go on for ten minutes while the API server is away, and nobody else', async () => {
    const { review, answers, clock } = rig();
    await review.authorize('t', '/metrics');
    answers.fault = errorOf(503, 'away');
    clock.advance(599_999);
    expect(await review.authorize('t', '/metrics')).toBe('ok');
    await expect(review.authorize('u', '/metrics')).rejects.toThrow('503 away');
    clock.advance(1);
    await expect(review.authorize('t', '/metrics')).rejects.toThrow('503 away');
  });

  it('allows nothing when it has no right to ask, or the answer is none', async () => {
    const { review, answers, clock } = rig();
    await review.authorize('t', '/metrics');
    clock.advance(60_000);
    answers.fault = errorOf(403, 'tokenreviews is forbidden');
    await expect(review.authorize('t', '/metrics')).rejects.toThrow('403 tokenreviews is forbidden');
    answers.fault = undefined;
    answers.allowed = {};
    await expect(review.authorize('t', '/metrics')).rejects.toThrow('the answer is no SubjectAccessReview');
  });

  it('asks once for many who ask at once, and for no more than 16 tokens at a time', async () => {
    const { review, asked, answers } = rig();
    const gate = Promise.withResolvers<void>();
    answers.gate = gate.promise;
    const same = Array.from({ length: 50 }, () => review.authorize('t0', '/metrics'));
    const others = Array.from({ length: 15 }, (_, i) => review.authorize(`t${i + 1}`, '/metrics'));
    await expect(review.authorize('t16', '/metrics')).rejects.toThrow('too many tokens are under review');
    expect(asked.length).toBe(16);
    gate.resolve();
    expect(new Set(await Promise.all([...same, ...others]))).toEqual(new Set(['ok']));
    expect(await review.authorize('t16', '/metrics')).toBe('ok');
  });
});
