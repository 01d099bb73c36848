import type { Clock } from '../core/clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Headers } from '../core/headers.ts';
import type { Follower, StreamEnd } from '../core/hooks.ts';
import type { Dialect, InferenceRequest } from '../core/request.ts';
import type { HealthBook } from '../datastore/health-book.ts';
import type { LoadBooks, Reservation } from '../datastore/load-books.ts';
import { ModelRestorer } from '../payload/model-restore.ts';
import { createResponseReader } from '../payload/create-response-reader.ts';
import type { ResponseReader } from '../payload/response-reader.ts';
import type { ProxyMetadata } from './exchange.ts';
import { HealthWatch } from './health-watch.ts';
import { type HeaderChanges, HeaderDraft, type Metadata, MetadataDraft } from './header-changes.ts';
import type { ResponseRecorder } from './recorder.ts';
import type { Route } from './route.ts';

/** What watching a response needs. */
export interface WatchParts {
  readonly clock: Clock;
  readonly pool: { readonly books: LoadBooks };
  /** Hears what becomes of requests; nobody when absent. */
  readonly health?: HealthBook | undefined;
}

/** A request that was picked an endpoint for. */
export interface Accepted {
  readonly request: InferenceRequest;
  readonly recorder: ResponseRecorder;
  /** Of one endpoint or more. */
  readonly route: Route;
  /** Plugins that want to see the response; undefined for none. */
  readonly followers?: readonly Follower[] | undefined;
}

const NOTHING = new Uint8Array(0);
const NOBODY: readonly Follower[] = [];

/** What the response phase needs of a request. The request itself, its body and prompts with it, may go. */
interface RequestFacts extends Pick<InferenceRequest, 'receivedAtMs' | 'model' | 'targetModel'> {
  readonly dialect: Dialect;
  readonly stream: boolean;
}

/**
 * Follows an accepted request from its pick to the end of its stream: keeps its place in the load books, reads what
 * the response says about itself, and gives it back the model name the client knows.
 */
export class ResponseWatch {
  readonly #parts: WatchParts;
  readonly #facts: RequestFacts;
  readonly #recorder: ResponseRecorder;
  readonly #health: HealthWatch;
  readonly #route: Route;
  #reservation: Reservation;
  /** Places of the endpoints that have work before the answer begins. */
  readonly #helping: readonly Reservation[];
  #servedBy: Endpoint;
  #streaming: boolean;
  #bytes = 0;
  #firstPieceAtMs = Number.NaN;
  #lastPieceAtMs = Number.NaN;
  /** Time spent on the response so far; `NaN` until there is one. */
  #workMs = Number.NaN;
  #failed = false;
  #reader: ResponseReader | undefined;
  #restorer: ModelRestorer | undefined;
  /** Plugins that want to see the response. */
  readonly #followers: readonly Follower[];
  /** What followers were told of the end of the body; undefined while it has not ended. */
  #metadata: MetadataDraft | undefined;

  constructor(parts: WatchParts, { request, recorder, route, followers = NOBODY }: Accepted) {
    this.#parts = parts;
    this.#followers = followers;
    this.#facts = factsOf(request);
    this.#recorder = recorder;
    const { books } = parts.pool;
    const [picked] = route.endpoints;
    this.#route = route;
    this.#servedBy = picked;
    this.#reservation = books.reserve(picked);
    this.#helping = route.helpers.map((helper) => books.reserve(helper));
    this.#health = new HealthWatch(parts.health, picked, route.helpers);
    this.#streaming = this.#facts.stream;
  }

  /** Takes the response's headers; returns what is to change in them. */
  headers(headers: Headers, metadata: ProxyMetadata): HeaderChanges | undefined {
    const beforeMs = this.#parts.clock.nowMs();
    const served = metadata.served();
    this.#look(headers, served);
    const changes = this.#followers.length === 0 ? undefined : this.#tellResponse(headers, served);
    this.#workMs = this.#parts.clock.nowMs() - beforeMs;
    return changes;
  }

  #tellResponse(headers: Headers, served: string | undefined): HeaderChanges | undefined {
    const head = { headers, served, endpoint: this.#servedBy };
    const draft = new HeaderDraft();
    for (const follower of this.#followers) follower.onResponse?.(head, draft);
    return draft.changes();
  }

  #look(headers: Headers, served: string | undefined): void {
    this.#moveTo(served);
    const status = headers.get(':status') ?? headers.get('status');
    const ok = status === undefined || status.startsWith('2');
    this.#health.status(status);
    if (!ok) this.#fail();
    const contentType = headers.get('content-type');
    if (contentType?.includes('text/event-stream') === true) this.#streaming = true;
    // Compressed bytes can be neither read nor edited.
    if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return;
    const { model, targetModel, dialect } = this.#facts;
    if (ok) this.#reader = createResponseReader(dialect, contentType);
    if (model !== '' && targetModel !== '' && model !== targetModel) {
      this.#restorer = new ModelRestorer(targetModel, model);
    }
  }

  /** Takes a piece of the body; returns the bytes to forward in its place. */
  body(piece: Uint8Array, last: boolean): Uint8Array {
    const nowMs = this.#parts.clock.nowMs();
    this.#time(piece.byteLength, nowMs);
    this.#bytes += piece.byteLength;
    this.#health.alive(nowMs);
    this.#reader?.push(piece);
    if (last) this.#finish();
    if (this.#reader?.failed === true) this.#failInside();
    const bytes = this.#restorer?.push(piece, last) ?? piece;
    this.#workMs += this.#parts.clock.nowMs() - nowMs;
    return bytes;
  }

  /** The body ended with trailers; returns the bytes to forward before them. */
  trailers(): Uint8Array {
    this.#finish();
    if (this.#reader?.failed === true) this.#failInside();
    return this.#restorer?.flush() ?? NOTHING;
  }

  /** What followers put beside the last answer. */
  metadata(): Metadata | undefined {
    return this.#metadata?.metadata();
  }

  /** The body has ended: what can be known of it is. */
  #finish(): void {
    this.#reader?.finish();
    if (this.#followers.length === 0 || this.#metadata !== undefined) return;
    this.#metadata = new MetadataDraft();
    for (const follower of this.#followers) follower.onComplete?.(this.#reader?.usage, this.#metadata);
  }

  end(how: StreamEnd): void {
    this.#parts.pool.books.release(this.#reservation);
    this.#releaseHelpers();
    this.#health.end(this.#parts.clock.nowMs() - this.#facts.receivedAtMs);
    if (!Number.isNaN(this.#workMs)) this.#recorder.processed(this.#workMs / 1000);
    if (how === 'complete') this.#complete();
    for (const follower of this.#followers) follower.onEnd?.(how);
    this.#recorder.end();
  }

  #time(bytes: number, nowMs: number): void {
    if (Number.isNaN(this.#firstPieceAtMs)) {
      this.#firstPieceAtMs = nowMs;
      this.#releaseHelpers();
      this.#recorder.firstByte((nowMs - this.#facts.receivedAtMs) / 1000, this.#streaming);
      for (const follower of this.#followers) follower.onFirstPiece?.();
    } else if (this.#streaming && bytes > 0) {
      this.#recorder.nextPiece((nowMs - this.#lastPieceAtMs) / 1000);
    }
    this.#lastPieceAtMs = nowMs;
  }

  #complete(): void {
    const nowMs = this.#parts.clock.nowMs();
    const seconds = (nowMs - this.#facts.receivedAtMs) / 1000;
    this.#recorder.complete(seconds, this.#bytes);
    const usage = this.#reader?.usage;
    if (usage === undefined) return;
    this.#recorder.usage(usage);
    const tokens = usage.completionTokens ?? 0;
    if (tokens === 0) return;
    const streamSeconds = (nowMs - this.#firstPieceAtMs) / 1000;
    this.#recorder.pace(seconds / tokens, this.#streaming && tokens > 1 ? streamSeconds / (tokens - 1) : undefined);
  }

  /** A stream that began well told of a failure. */
  #failInside(): void {
    if (!this.#failed) this.#health.failedInside();
    this.#fail();
  }

  /** The answer has begun: a release that was made before does nothing. */
  #releaseHelpers(): void {
    for (const place of this.#helping) this.#parts.pool.books.release(place);
  }

  /** An answer fails once, by its status or by an event in it. */
  #fail(): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#recorder.serverError();
  }

  /** The proxy went down the list: the load is where the request really is. */
  #moveTo(served: string | undefined): void {
    const endpoint = served === undefined ? undefined : this.#route.servedBy(served);
    if (endpoint === undefined || endpoint.hostPort === this.#servedBy.hostPort) return;
    const { books } = this.#parts.pool;
    books.release(this.#reservation);
    this.#reservation = books.reserve(endpoint);
    this.#health.movedTo(endpoint);
    this.#servedBy = endpoint;
  }
}

function factsOf({ receivedAtMs, model, targetModel, body }: InferenceRequest): RequestFacts {
  return { receivedAtMs, model, targetModel, dialect: body?.dialect ?? 'none', stream: body?.stream ?? false };
}
