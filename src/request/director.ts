import type { Clock } from '../core/clock.ts';
import type { Candidates, Endpoint, EndpointView } from '../core/endpoint.ts';
import { NO_ENDPOINTS, Rejection, reject } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';
import type { SaturationDetector, Schedule } from '../core/plugin.ts';
import type { Dialect, InferenceBody, InferenceRequest } from '../core/request.ts';
import type { LoadBooks } from '../datastore/load-books.ts';
import type { Objectives } from '../datastore/objectives.ts';
import type { ModelRewrites } from '../datastore/rewrites.ts';
import { renameModel } from '../payload/model-rename.ts';
import type { Scheduler } from '../scheduling/scheduler.ts';
import type { ScoreBoard } from '../scheduling/score-board.ts';
import { shed } from './admission.ts';
import { controlValue, FAIRNESS_ID, headersToRemove, OBJECTIVE } from './control-headers.ts';
import type { Director, Exchange, Outcome, Picked, ProxyMetadata, StreamEnd } from './exchange.ts';
import { targetModel } from './model-target.ts';
import { type ParserChoice, requestPath } from './parser-choice.ts';
import type { RequestRecorder } from './recorder.ts';
import { ResponseWatch } from './response-watch.ts';
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
  readonly parsers: ParserChoice;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  /** Without one nothing is shed. */
  readonly saturation?: SaturationDetector | undefined;
  readonly scheduler: Scheduler;
  /** The board `scheduler` writes; without one the proxy is told no scores. */
  readonly scores?: ScoreBoard | undefined;
  readonly recorder: RequestRecorder;
  /** Makes an id for a request that came without one. */
  newRequestId(): string;
  /** Whether the proxy's subset is obeyed (`--disable-endpoint-subset-filter` says no). */
  readonly obeySubset: boolean;
}

const REQUEST_ID = 'x-request-id';
const DEFAULT_FAIRNESS_ID = 'default-flow';

const NOTHING = new Uint8Array(0);

/** Where a request goes. */
interface Placement {
  /** At least one, best first. */
  readonly endpoints: readonly Endpoint[];
  readonly scores: Picked['scores'];
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
  readonly #headers: Headers;
  readonly #receivedAtMs: number;
  #response: ResponseWatch | undefined;
  #dialect: Dialect = 'none';

  constructor(parts: DirectorParts, headers: Headers) {
    this.#parts = parts;
    this.#headers = headers;
    this.#receivedAtMs = parts.clock.nowMs();
  }

  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome {
    const { clock, recorder } = this.#parts;
    const request = this.#read(pieces);
    const outcome = request instanceof Rejection ? this.#refuse(request) : this.#place(request, pieces, metadata);
    recorder.requestProcessed((clock.nowMs() - this.#receivedAtMs) / 1000);
    return outcome;
  }

  responseHeaders(headers: Headers, metadata: ProxyMetadata): void {
    this.#response?.headers(headers, metadata);
  }

  responseBody(piece: Uint8Array, last: boolean): Uint8Array {
    return this.#response?.body(piece, last) ?? piece;
  }

  responseTrailers(): Uint8Array {
    return this.#response?.trailers() ?? NOTHING;
  }

  end(how: StreamEnd): void {
    this.#response?.end(how);
    this.#response = undefined;
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
      priority: this.#parts.objectives.priorityOf(controlValue(headers, OBJECTIVE)),
      fairnessId: controlValue(headers, FAIRNESS_ID) ?? DEFAULT_FAIRNESS_ID,
      data: [],
    };
  }

  #parse(path: string, pieces: readonly Uint8Array[]): InferenceBody | Rejection {
    const parser = this.#parts.parsers.forPath(path);
    if (parser === undefined) return reject('BadRequest', `no parser registered matching path suffix for: ${path}`);
    this.#dialect = parser.dialect(path);
    return parser.parse(path, pieces, this.#headers);
  }

  #place(request: InferenceRequest, pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome {
    const { pool, obeySubset, recorder } = this.#parts;
    const candidates = obeySubset ? narrowToSubset(pool, metadata.subset()) : pool.all;
    const placed =
      candidates.length === 0
        ? NO_ENDPOINTS
        : (shed(request, candidates, this.#parts.saturation) ?? this.#schedule(request, candidates));
    if (placed instanceof Rejection) return this.#refuse(placed, request);
    const { endpoints, scores } = placed;
    this.#response = new ResponseWatch(this.#parts, request, recorder.accepted(request), endpoints[0]);
    return {
      kind: 'picked',
      destination: endpoints.map(({ hostPort }) => hostPort).join(','),
      setHeaders: this.#headers.get(REQUEST_ID) === undefined ? [[REQUEST_ID, request.id]] : [],
      removeHeaders: headersToRemove(this.#headers),
      body: pieces && renamed(pieces, request),
      scores,
    };
  }

  #schedule(request: InferenceRequest, candidates: Candidates): Placement | Rejection {
    const { clock, scheduler, recorder } = this.#parts;
    const before = clock.nowMs();
    const schedule = scheduler.schedule(request, candidates);
    const seconds = (clock.nowMs() - before) / 1000;
    if (schedule instanceof Rejection) {
      recorder.scheduled(seconds, 'failure', request.targetModel, undefined);
      return schedule;
    }
    const endpoints = this.#endpoints(schedule);
    if (endpoints.length === 0) return reject('Internal', 'results must be greater than zero');
    recorder.scheduled(seconds, 'success', request.targetModel, endpoints[0]);
    scheduler.picked(request, schedule);
    return { endpoints, scores: this.#scores(schedule) };
  }

  #endpoints(schedule: Schedule): readonly Endpoint[] {
    const endpoints: Endpoint[] = [];
    for (const slot of schedule.picks.get(schedule.primary) ?? []) {
      const endpoint = this.#parts.pool.at(slot);
      if (endpoint !== undefined) endpoints.push(endpoint);
    }
    return endpoints;
  }

  /** What the primary profile gave each of its candidates; undefined where nobody asks or no scorer ran. */
  #scores({ primary }: Schedule): Picked['scores'] {
    const { scores: board, pool } = this.#parts;
    if (board === undefined) return undefined;
    const scores = new Map<string, number>();
    board.visit(primary, (slot, score) => {
      const endpoint = pool.at(slot);
      if (endpoint !== undefined) scores.set(endpoint.hostPort, score);
    });
    return scores.size === 0 ? undefined : scores;
  }
}

/** The body with the model the server is asked for; undefined where it is in there already. */
function renamed(
  pieces: readonly Uint8Array[],
  { body, model, targetModel: target }: InferenceRequest,
): readonly Uint8Array[] | undefined {
  const span = target === model ? undefined : body?.modelSpan;
  return span && renameModel(pieces, span, target);
}
