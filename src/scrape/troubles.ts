import type { EndpointRef } from '../datastore/endpoint-facts.ts';
import type { EndpointError, ScrapeReport } from './report.ts';

/** Where log lines go; a pino logger is one. */
export interface ScrapeLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Failures in a row after which an endpoint is told to fail: a busy server misses one now and then. */
export const FAILING_AFTER = 3;

/** Logs when an endpoint's page starts to fail and when it is back, instead of every failed scrape. */
export class Troubles {
  readonly #log: ScrapeLog;
  readonly #page: string;
  readonly #failing = new Set<string>();
  /** Endpoints whose page is good but lacks signals; told once each. */
  readonly #lacking = new Set<string>();

  /** `page` is what the log calls what is fetched. */
  constructor(log: ScrapeLog, page: string) {
    this.#log = log;
    this.#page = page;
  }

  /** Takes a report; `name` turns its references into endpoint names, undefined for those that are gone. */
  take(report: ScrapeReport, name: (endpoint: EndpointRef) => string | undefined): void {
    for (const endpoint of report.recovered) {
      if (this.#failing.delete(key(endpoint))) this.#log.info({ endpoint: name(endpoint) }, `${this.#page} is back`);
    }
    for (const found of report.shortPagesFound) {
      const endpoint = name(found);
      const fact = found.has ? 'has a short form, which is read from now on' : 'has no short form, so it is read whole';
      if (endpoint !== undefined) this.#log.debug({ endpoint }, `${this.#page} ${fact}`);
    }
    for (const error of report.errors) {
      const endpoint = name(error);
      const told = error.failures === 0 ? this.#lacking : this.#failing;
      if (endpoint === undefined || told.has(key(error)) || !worthTelling(error)) continue;
      told.add(key(error));
      this.#log.warn(
        { endpoint, fault: error.kind, reason: error.message },
        error.failures === 0 ? `${this.#page} lacks signals` : `${this.#page} fails; the last values are kept`,
      );
    }
  }

  /** Forgets an endpoint that left the pool. */
  forget(endpoint: EndpointRef): void {
    this.#failing.delete(key(endpoint));
    this.#lacking.delete(key(endpoint));
  }
}

function worthTelling({ failures }: EndpointError): boolean {
  return failures === 0 || failures >= FAILING_AFTER;
}

function key({ slot, generation }: EndpointRef): string {
  return `${slot}:${generation}`;
}
