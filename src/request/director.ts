import type { Clock } from '../core/clock.ts';
import type { Candidates, Endpoint, EndpointView } from '../core/endpoint.ts';
import { NO_ENDPOINTS, Rejection, reject } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';
import type { Follower, StreamEnd } from '../core/hooks.ts';
import type { Schedule } from '../core/schedule.ts';
import type { Dialect, InferenceBody, InferenceRequest } from '../core/request.ts';
import type { HealthBook } from '../datastore/health-book.ts';
import type { LoadBooks } from '../datastore/load-books.ts';
import type { Objectives } from '../datastore/objectives.ts';
import type { ModelRewrites } from '../datastore/rewrites.ts';
import { renameModel } from '../payload/model-rename.ts';
import { deny, shed } from './admission.ts';
import { CACHE_MISSING, wantsCached } from './conditional-decode.ts';
import { controlValue, FAIRNESS_ID, headersToRemove } from './control-headers.ts';
import type { Director, Exchange, Outcome, Picked, ProxyMetadata } from './exchange.ts';
import { type HeaderChanges, HeaderDraft, type Metadata } from './header-changes.ts';
import { targetModel } from './model-target.ts';
import { requestPath } from './parser-choice.ts';
import type { RequestPlan } from './plan.ts';
import type { RequestRecorder } from './recorder.ts';
import { priorityOf } from './request-head.ts';
import { ResponseWatch } from './response-watch.ts';
import { Route } from './route.ts';
import { narrowToSubset } from './subset.ts';

/** The pool as the director needs it. */
export interface Pool extends EndpointView {
  readonly books: LoadBooks;
  byHostPort(hostPort: string): Endpoint | undefined;
}

/** What a request meets on its way. */
export interface DirectorParts {
  readonly clock: Clock;
  readonly pool: Pool;
  /** Hears what becomes of requests; nobody when absent. */
  readonly health?: HealthBook | undefined;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  /** The configuration in force; a request keeps the one it began with. */
  plan(): RequestPlan;
  readonly recorder: RequestRecorder;
  /** Makes an id for a request that came without one. */
  newRequestId(): string;
  /** Whether the proxy's subset is obeyed (`--disable-endpoint-subset-filter` says no). */
  readonly obeySubset: boolean;
}

const REQUEST_ID = 'x-request-id';
const DEFAULT_FAIRNESS_ID = 'default-flow';

const NOTHING = new Uint8Array(0);
/** For a client that left while a producer was waited for; nobody reads it. */
const GONE: Outcome = {
  kind: 'rejected',
  rejection: reject('ServiceUnavailable', 'client disconnected'),
  dialect: 'none',
};

/** Where a request goes. */
interface Placement {
  /** At least one endpoint. */
  readonly route: Route;
  readonly scores: Picked['scores'];
  readonly followers: readonly Follower[] | undefined;
  /** Changes to the headers the server sees. */
  readonly changes: HeaderChanges | undefined;
}

/**
 * Directs requests: parse, choose the model, choose candidates, schedule, book, and watch the response until the
 * stream ends.
 */
export function createDirector(parts: DirectorParts): Director {
  return { open: (headers) => new DirectedExchange(parts, headers) };
}

class DirectedExchange implements Exchange {
  readonly #parts: DirectorParts;
  readonly #plan: RequestPlan;
  readonly #headers: Headers;
  readonly #receivedAtMs: number;
  #response: ResponseWatch | undefined;
  #dialect: Dialect = 'none';
  #ended = false;

  constructor(parts: DirectorParts, headers: Headers) {
    this.#parts = parts;
    this.#plan = parts.plan();
    this.#headers = headers;
    this.#receivedAtMs = parts.clock.nowMs();
  }

  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome | Promise<Outcome> {
    const request = this.#read(pieces);
    if (request instanceof Rejection) return this.#processed(this.#refuse(request));
    const candidates = this.#candidates(metadata);
    const refusal = candidates.length === 0 ? NO_ENDPOINTS : shed(request, candidates, this.#plan.saturation);
    if (refusal !== undefined) return this.#processed(this.#refuse(refusal, request));
    const waiting = this.#plan.scheduler.produce(request, candidates);
    if (waiting === undefined) return this.#processed(this.#place(request, pieces, candidates));
    const { all } = this.#parts.pool;
    return waiting.then(() => {
      if (this.#ended) return GONE;
      // The pool may have changed meanwhile, and slots may have new tenants.
      const current = all === this.#parts.pool.all ? candidates : this.#candidates(metadata);
      return this.#processed(this.#place(request, pieces, current));
    });
  }

  responseHeaders(headers: Headers, metadata: ProxyMetadata): HeaderChanges | undefined {
    return this.#response?.headers(headers, metadata);
  }

  responseBody(piece: Uint8Array, last: boolean): Uint8Array {
    return this.#response?.body(piece, last) ?? piece;
  }

  responseTrailers(): Uint8Array {
    return this.#response?.trailers() ?? NOTHING;
  }

  responseMetadata(): Metadata | undefined {
    return this.#response?.metadata();
  }

  end(how: StreamEnd): void {
    this.#ended = true;
    this.#response?.end(how);
    this.#response = undefined;
  }

  #processed(outcome: Outcome): Outcome {
    this.#parts.recorder.requestProcessed((this.#parts.clock.nowMs() - this.#receivedAtMs) / 1000);
    return outcome;
  }

  #refuse(rejection: Rejection, request?: InferenceRequest): Outcome {
    this.#parts.recorder.refused(request, rejection.code);
    return { kind: 'rejected', rejection, dialect: this.#dialect };
  }

  #read(pieces: readonly Uint8Array[] | undefined): InferenceRequest | Rejection {
    const headers = this.#headers;
    const path = requestPath((name) => headers.get(name));
    const body = pieces === undefined ? undefined : this.#parse(path, pieces);
    if (body instanceof Rejection) return body;
    const target = body === undefined ? '' : targetModel(body, headers, this.#parts);
    if (target instanceof Rejection) return target;
    return {
      id: headers.get(REQUEST_ID) ?? this.#parts.newRequestId(),
      receivedAtMs: this.#receivedAtMs,
      headers,
      path,
      body,
      bodyBytes: pieces === undefined ? 0 : pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
      model: body?.model ?? '',
      targetModel: target,
      priority: priorityOf(headers, this.#parts.objectives),
      fairnessId: controlValue(headers, FAIRNESS_ID) ?? this.#plan.fairnessId(headers) ?? DEFAULT_FAIRNESS_ID,
      data: [],
    };
  }

  #parse(path: string, pieces: readonly Uint8Array[]): InferenceBody | Rejection {
    const parser = this.#plan.parsers.forPath(path);
    if (parser === undefined) return reject('BadRequest', `no parser registered matching path suffix for: ${path}`);
    this.#dialect = parser.dialect(path);
    return parser.parse(path, pieces, this.#headers);
  }

  #candidates(metadata: ProxyMetadata): Candidates {
    const { pool, obeySubset } = this.#parts;
    return obeySubset ? narrowToSubset(pool, metadata.subset()) : pool.all;
  }

  #place(request: InferenceRequest, pieces: readonly Uint8Array[] | undefined, candidates: Candidates): Outcome {
    const placed =
      candidates.length === 0
        ? NO_ENDPOINTS
        : (deny(request, candidates, this.#plan.admitters) ?? this.#schedule(request, candidates));
    if (placed instanceof Rejection) return this.#refuse(placed, request);
    const { route, scores, followers, changes } = placed;
    this.#response = new ResponseWatch(this.#parts, {
      request,
      recorder: this.#parts.recorder.accepted(request),
      route,
      followers,
    });
    const ownId: Picked['setHeaders'] = this.#headers.get(REQUEST_ID) === undefined ? [[REQUEST_ID, request.id]] : [];
    const kept = headersToRemove(this.#headers);
    return {
      kind: 'picked',
      destination: route.destination,
      setHeaders: changes === undefined ? ownId : [...ownId, ...changes.set],
      removeHeaders: changes === undefined ? kept : removals(kept, changes),
      body: pieces && renamed(pieces, request),
      scores,
    };
  }

  #schedule(request: InferenceRequest, candidates: Candidates): Placement | Rejection {
    const { clock, recorder } = this.#parts;
    const { scheduler } = this.#plan;
    const before = clock.nowMs();
    const schedule = scheduler.schedule(request, candidates);
    const seconds = (clock.nowMs() - before) / 1000;
    if (schedule instanceof Rejection) {
      recorder.scheduled(seconds, 'failure', request.targetModel, undefined);
      return schedule;
    }
    const route = new Route(schedule, this.#parts.pool);
    const [picked] = route.endpoints;
    if (picked === undefined) return reject('Internal', 'results must be greater than zero');
    recorder.scheduled(seconds, 'success', request.targetModel, picked);
    if (wantsCached(this.#headers) && !this.#plan.hasCached(request, picked.slot)) return CACHE_MISSING;
    const edits = new HeaderDraft();
    const followers = scheduler.picked(request, schedule, edits);
    return { route, scores: this.#scores(schedule), followers, changes: edits.changes() };
  }

  /** What the primary profile gave each of its candidates; undefined where nobody asks or no scorer ran. */
  #scores({ primary }: Schedule): Picked['scores'] {
    const { pool } = this.#parts;
    const { scores: board } = this.#plan;
    if (board === undefined) return undefined;
    const scores = new Map<string, number>();
    board.visit(primary, (slot, score) => {
      const endpoint = pool.at(slot);
      if (endpoint !== undefined) scores.set(endpoint.hostPort, score);
    });
    return scores.size === 0 ? undefined : scores;
  }
}

/** Headers to remove: those kept from servers and those plugins remove, without the ones plugins set. */
function removals(kept: readonly string[], { set, remove }: HeaderChanges): readonly string[] {
  const names = new Set([...kept, ...remove]);
  for (const [name] of set) names.delete(name);
  return [...names];
}

/** The body with the model the server is asked for; undefined where it is in there already. */
function renamed(
  pieces: readonly Uint8Array[],
  { body, model, targetModel: target }: InferenceRequest,
): readonly Uint8Array[] | undefined {
  const span = target === model ? undefined : body?.modelSpan;
  return span && renameModel(pieces, span, target);
}
