import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import * as v from 'valibot';
import type { Clock } from '../core/clock.ts';
import type { KubernetesApi } from './api.ts';
import { ApiError, type ApiFault } from './api-error.ts';

/** Long enough to spare the API server a scraper, short enough that a withdrawn right ends soon. */
const ALLOWED_MS = 60_000;
const DENIED_MS = 10_000;
/** While the API server does not answer, who was allowed may go on so long: that is when people look at metrics. */
const STALE_MS = 600_000;
const MAX_KNOWN = 256;
/** Reviews under way at once; tokens somebody makes up must not become a flood at the API server. */
const MAX_UNDER_WAY = 16;
const REVIEW_MS = 5_000;
const AWAY: ReadonlySet<ApiFault> = new Set<ApiFault>(['unreachable', 'timeout', 'server', 'busy']);

/** `unauthenticated` is a token nobody knows, `forbidden` one whose holder may not. */
export type Verdict = 'ok' | 'unauthenticated' | 'forbidden';

const user = v.object({
  username: v.optional(v.string(), ''),
  uid: v.optional(v.string()),
  groups: v.optional(v.array(v.string())),
  extra: v.optional(v.record(v.string(), v.array(v.string()))),
});
const tokenStatus = v.object({ authenticated: v.optional(v.boolean(), false), user: v.optional(user) });
const accessStatus = v.object({ allowed: v.boolean() });

interface Known {
  readonly verdict: Verdict;
  readonly saidMs: number;
}

/**
 * Asks the API server whose a bearer token is (TokenReview), and whether that user may `get` a path that is no resource
 * (SubjectAccessReview), as the filter of controller-runtime's metrics server does. Answers are kept for a minute, refusals
 * for ten seconds; of tokens only a digest is.
 */
export class AccessReview {
  readonly #api: KubernetesApi;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  readonly #underWay = new Map<string, Promise<Verdict>>();

  constructor(api: KubernetesApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** Rejects when nobody can tell: with `ApiError`, or with `Error` when too many ask at once. */
  async authorize(token: string, path: string): Promise<Verdict> {
    const key = `${createHash('sha256').update(token).digest('base64')} ${path}`;
    const known = this.#known.get(key);
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : this.#clock.nowMs() - known.saidMs;
    if (known !== undefined && ageMs < (known.verdict === 'ok' ? ALLOWED_MS : DENIED_MS)) return known.verdict;
    try {
      return await this.#reviewOnce(key, token, path);
    } catch (error) {
      const isAway = error instanceof ApiError && AWAY.has(error.fault);
      if (isAway && known?.verdict === 'ok' && ageMs < STALE_MS) return 'ok';
      throw error;
    }
  }

  #reviewOnce(key: string, token: string, path: string): Promise<Verdict> {
    const running = this.#underWay.get(key);
    if (running !== undefined) return running;
    if (this.#underWay.size >= MAX_UNDER_WAY) throw new Error('too many tokens are under review');
    const review = this.#review(key, token, path).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, review);
    return review;
  }

  async #review(key: string, token: string, path: string): Promise<Verdict> {
    const verdict = await this.#ask(token, path);
    this.#known.set(key, { verdict, saidMs: this.#clock.nowMs() });
    return verdict;
  }

  async #ask(token: string, path: string): Promise<Verdict> {
    const who = await this.#create('authentication.k8s.io', 'TokenReview', { token }, tokenStatus);
    if (!who.authenticated || who.user === undefined) return 'unauthenticated';
    const { username, uid, groups, extra } = who.user;
    const asked = { user: username, uid, groups, extra, nonResourceAttributes: { path, verb: 'get' } };
    const access = await this.#create('authorization.k8s.io', 'SubjectAccessReview', asked, accessStatus);
    return access.allowed ? 'ok' : 'forbidden';
  }

  async #create<S extends v.GenericSchema>(
    group: string,
    kind: string,
    spec: object,
    shape: S,
  ): Promise<v.InferOutput<S>> {
    const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const body = { apiVersion: `${group}/v1`, kind, spec };
    const answer = await this.#api.request({ method: 'POST', path, body, timeoutMs: REVIEW_MS });
    const read = v.safeParse(shape, (answer as { readonly status?: unknown } | undefined)?.status);
    if (!read.success) throw new ApiError('garbled', `the answer is no ${kind}`);
    return read.output;
  }
}
