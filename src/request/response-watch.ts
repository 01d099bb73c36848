import type { Clock } from '../core/clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Headers } from '../core/headers.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { LoadBooks, Reservation } from '../datastore/load-books.ts';
import type { ProxyMetadata, StreamEnd } from './exchange.ts';
import type { ResponseRecorder } from './recorder.ts';

/** What watching a response needs. */
export interface WatchParts {
  readonly clock: Clock;
  readonly pool: { readonly books: LoadBooks; byHostPort(hostPort: string): Endpoint | undefined };
}

/** Follows an accepted request from its pick to the end of its stream, and keeps its place in the load books. */
export class ResponseWatch {
  readonly #parts: WatchParts;
  readonly #request: InferenceRequest;
  readonly #recorder: ResponseRecorder;
  #reservation: Reservation;
  #servedBy: Endpoint;
  #streaming: boolean;
  #bytes = 0;
  #lastPieceAtMs = Number.NaN;

  constructor(parts: WatchParts, request: InferenceRequest, recorder: ResponseRecorder, picked: Endpoint) {
    this.#parts = parts;
    this.#request = request;
    this.#recorder = recorder;
    this.#servedBy = picked;
    this.#reservation = parts.pool.books.reserve(picked);
    this.#streaming = request.body?.stream ?? false;
  }

  headers(headers: Headers, metadata: ProxyMetadata): void {
    this.#moveTo(metadata.served());
    const status = headers.get(':status') ?? headers.get('status');
    if (status !== undefined && !status.startsWith('2')) this.#recorder.serverError();
    if (headers.get('content-type')?.includes('text/event-stream') === true) this.#streaming = true;
  }

  body(piece: Uint8Array): void {
    const nowMs = this.#parts.clock.nowMs();
    if (Number.isNaN(this.#lastPieceAtMs)) {
      this.#recorder.firstByte((nowMs - this.#request.receivedAtMs) / 1000, this.#streaming);
    } else if (this.#streaming && piece.byteLength > 0) {
      this.#recorder.nextPiece((nowMs - this.#lastPieceAtMs) / 1000);
    }
    this.#lastPieceAtMs = nowMs;
    this.#bytes += piece.byteLength;
  }

  end(how: StreamEnd): void {
    this.#parts.pool.books.release(this.#reservation);
    if (how === 'complete') {
      const seconds = (this.#parts.clock.nowMs() - this.#request.receivedAtMs) / 1000;
      this.#recorder.complete(seconds, this.#bytes);
    }
    this.#recorder.end();
  }

  /** The proxy went down the list: the load is where the request really is. */
  #moveTo(served: string | undefined): void {
    if (served === undefined || served === this.#servedBy.hostPort) return;
    const endpoint = this.#parts.pool.byHostPort(served);
    if (endpoint === undefined) return;
    this.#parts.pool.books.release(this.#reservation);
    this.#reservation = this.#parts.pool.books.reserve(endpoint);
    this.#servedBy = endpoint;
  }
}
