import type { Endpoint } from '../core/endpoint.ts';
import type { HealthBook } from '../datastore/health-book.ts';

/** Tells the health book what becomes of one request. Without a book it does nothing. */
export class HealthWatch {
  readonly #book: HealthBook | undefined;
  #endpoint: Endpoint;
  #answered = false;

  constructor(book: HealthBook | undefined, picked: Endpoint) {
    this.#book = book;
    this.#endpoint = picked;
    book?.sent(picked);
  }

  /** The proxy could not use the endpoint and went on to another. */
  movedTo(endpoint: Endpoint): void {
    this.#book?.ended(this.#endpoint);
    this.#book?.connectFailed(this.#endpoint);
    this.#book?.sent(endpoint);
    this.#endpoint = endpoint;
  }

  /** Response headers came; a client error is the client's, so it counts as an answer. */
  status(status: string | undefined): void {
    this.#answered = true;
    if (status?.startsWith('5') === true) this.#book?.failed(this.#endpoint);
    else this.#book?.answered(this.#endpoint);
  }

  /** A stream that began well tells of a failure. */
  failedInside(): void {
    this.#book?.failed(this.#endpoint);
  }

  /** A piece of the response came. */
  alive(nowMs: number): void {
    this.#book?.alive(this.#endpoint, nowMs);
  }

  /** The stream ended, `waitedMs` after the request came. One given up without a word from the server tells too. */
  end(waitedMs: number): void {
    const book = this.#book;
    if (book === undefined) return;
    const { firstByteTimeoutMs } = book.settings;
    const silent = !this.#answered && firstByteTimeoutMs > 0 && waitedMs >= firstByteTimeoutMs;
    if (silent) book.failed(this.#endpoint, 'no answer');
    book.ended(this.#endpoint);
  }
}
