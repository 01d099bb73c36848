import type { Clock } from '../core/clock.ts';
import type { Headers } from '../core/headers.ts';
import type { StreamEnd } from '../core/hooks.ts';
import type { Director, Exchange, Outcome, ProxyMetadata } from '../request/exchange.ts';
import type { HeaderChanges, Metadata } from '../request/header-changes.ts';
import type { Logger } from './log.ts';

/**
 * Puts one line a request into the log, at debug; at a higher level the director is returned as it is and costs
 * nothing. Bodies and credentials are never logged: only the fields named here.
 */
export function withRequestLog(director: Director, log: Logger, clock: Clock): Director {
  if (!log.isLevelEnabled('debug')) return director;
  return { open: (headers) => new LoggedExchange(director.open(headers), headers, log, clock) };
}

class LoggedExchange implements Exchange {
  readonly #exchange: Exchange;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #openedAtMs: number;
  readonly #line: Record<string, string | number | undefined>;
  #responseBytes = 0;

  constructor(exchange: Exchange, headers: Headers, log: Logger, clock: Clock) {
    this.#exchange = exchange;
    this.#log = log;
    this.#clock = clock;
    this.#openedAtMs = clock.nowMs();
    this.#line = {
      requestId: headers.get('x-request-id'),
      method: headers.get(':method'),
      path: headers.get(':path')?.split('?', 1)[0],
    };
  }

  decide(pieces: readonly Uint8Array[] | undefined, metadata: ProxyMetadata): Outcome | Promise<Outcome> {
    this.#line.requestBytes = pieces?.reduce((sum, piece) => sum + piece.byteLength, 0) ?? 0;
    const outcome = this.#exchange.decide(pieces, metadata);
    return outcome instanceof Promise ? outcome.then((settled) => this.#note(settled)) : this.#note(outcome);
  }

  responseHeaders(headers: Headers, metadata: ProxyMetadata): HeaderChanges | undefined {
    this.#line.status = headers.get(':status');
    this.#line.served = metadata.served();
    return this.#exchange.responseHeaders(headers, metadata);
  }

  responseBody(piece: Uint8Array, last: boolean): Uint8Array {
    this.#responseBytes += piece.byteLength;
    return this.#exchange.responseBody(piece, last);
  }

  responseTrailers(): Uint8Array {
    return this.#exchange.responseTrailers();
  }

  responseMetadata(): Metadata | undefined {
    return this.#exchange.responseMetadata();
  }

  end(how: StreamEnd): void {
    this.#exchange.end(how);
    const { decidedMs, ...line } = this.#line;
    const durationMs = round(this.#clock.nowMs() - this.#openedAtMs);
    this.#log.debug({ ...line, decidedMs, durationMs, responseBytes: this.#responseBytes, end: how }, 'request');
  }

  #note(outcome: Outcome): Outcome {
    this.#line.decidedMs = round(this.#clock.nowMs() - this.#openedAtMs);
    if (outcome.kind === 'picked') this.#line.destination = outcome.destination;
    else this.#line.refused = `${outcome.rejection.code}: ${outcome.rejection.message}`;
    return outcome;
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
