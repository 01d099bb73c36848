import type { Endpoint } from '../core/endpoint.ts';
import type { HealthBook } from '../datastore/health-book.ts';

/**
 * Tells the health book what becomes of one request. Without a book it does nothing. Endpoints that help, such as a
 * prefill server, are seen through the answer only: an error can be theirs as well, so it counts for all of them, and
 * whichever is broken has them in a row.
 */
export class HealthWatch {
  readonly #book: HealthBook | undefined;
  readonly #helpers: readonly Endpoint[];
  #endpoint: Endpoint;
  /** When it went to the endpoint, clock ms. */
  #sentMs: number;
  #answered = false;

  constructor(book: HealthBook | undefined, picked: Endpoint, helpers: readonly Endpoint[] = []) {
    this.#book = book;
    this.#endpoint = picked;
    this.#helpers = helpers;
    this.#sentMs = book?.sent(picked) ?? 0;
    for (const helper of helpers) book?.sent(helper);
  }

  /** The proxy could not use the endpoint and went on to another. */
  movedTo(endpoint: Endpoint): void {
    this.#book?.ended(this.#endpoint);
    this.#book?.connectFailed(this.#endpoint);
    this.#sentMs = this.#book?.sent(endpoint) ?? 0;
    this.#endpoint = endpoint;
  }

  /** Response headers came; a client error is the client's, so it counts as an answer. */
  status(status: string | undefined): void {
    const bad = status?.startsWith('5') === true;
    const helpers = this.#answered ? [] : this.#helpers;
    this.#answered = true;
    for (const endpoint of [this.#endpoint, ...helpers]) {
      if (bad) this.#book?.failed(endpoint);
      else this.#book?.answered(endpoint, this.#sentMs);
    }
    for (const helper of helpers) this.#book?.ended(helper);
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
    if (this.#answered) return;
    for (const helper of this.#helpers) {
      if (silent) book.failed(helper, 'no answer');
      book.ended(helper);
    }
  }
}
