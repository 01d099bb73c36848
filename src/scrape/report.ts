import type { EndpointRef } from '../datastore/endpoint-facts.ts';
import type { FetchFault } from './fetch-page.ts';

/** Errors told one by one per report; the others are only counted. */
const MAX_ERRORS = 32;
const MAX_MESSAGE = 200;

/** What went wrong with an endpoint. `extract`: a page came and some or all of what is looked for was not on it. */
export interface EndpointError extends EndpointRef {
  readonly kind: FetchFault | 'extract';
  readonly message: string;
  /** Failures in a row, this one included; 0 when the page was good but for some signals. */
  readonly failures: number;
}

/** Whether an endpoint has a short page. */
export interface ShortPageFound extends EndpointRef {
  readonly has: boolean;
}

/** What the worker did since its last report. */
export interface ScrapeReport {
  readonly kind: 'report';
  /** Good pages. */
  readonly scrapes: number;
  /** Fetches that brought no page, by fault; faults that did not occur are left out. */
  readonly pollErrors: Readonly<Partial<Record<FetchFault, number>>>;
  /** Pages that lacked what is looked for, in part or altogether. */
  readonly extractErrors: number;
  /** The newest error of each endpoint that had one, for a bounded number of endpoints. */
  readonly errors: readonly EndpointError[];
  /** Endpoints whose page came again after it had not. */
  readonly recovered: readonly EndpointRef[];
  /** Endpoints that were found to have a short page, or to have none. */
  readonly shortPagesFound: readonly ShortPageFound[];
  /** Endpoints being scraped, how often each (configured, or stretched by the CPU budget), and the cost of one. */
  readonly endpoints: number;
  /** How many of them have a short page. */
  readonly shortPages: number;
  readonly intervalMs: number;
  readonly cpuMsPerScrape: number;
}

/** Counts between two reports. */
export class ReportBook {
  #scrapes = 0;
  #extractErrors = 0;
  #pollErrors: Partial<Record<FetchFault, number>> = {};
  #recovered: EndpointRef[] = [];
  #shortPagesFound: ShortPageFound[] = [];
  readonly #errors = new Map<number, EndpointError>();

  scraped(): void {
    this.#scrapes++;
  }

  recovered(endpoint: EndpointRef): void {
    this.#recovered.push({ slot: endpoint.slot, generation: endpoint.generation });
  }

  shortPageFound({ slot, generation }: EndpointRef, has: boolean): void {
    this.#shortPagesFound.push({ slot, generation, has });
  }

  pollFailed(endpoint: EndpointRef, fault: FetchFault, message: string, failures: number): void {
    this.#pollErrors[fault] = (this.#pollErrors[fault] ?? 0) + 1;
    this.#note(endpoint, fault, message, failures);
  }

  extractFailed(endpoint: EndpointRef, message: string, failures: number): void {
    this.#extractErrors++;
    this.#note(endpoint, 'extract', message, failures);
  }

  /** The counts so far, which start again from nothing. */
  take(now: Pick<ScrapeReport, 'endpoints' | 'shortPages' | 'intervalMs' | 'cpuMsPerScrape'>): ScrapeReport {
    const report: ScrapeReport = {
      kind: 'report',
      scrapes: this.#scrapes,
      pollErrors: this.#pollErrors,
      extractErrors: this.#extractErrors,
      errors: [...this.#errors.values()],
      recovered: this.#recovered,
      shortPagesFound: this.#shortPagesFound,
      ...now,
    };
    this.#scrapes = 0;
    this.#extractErrors = 0;
    this.#pollErrors = {};
    this.#recovered = [];
    this.#shortPagesFound = [];
    this.#errors.clear();
    return report;
  }

  #note({ slot, generation }: EndpointRef, kind: EndpointError['kind'], message: string, failures: number): void {
    if (this.#errors.size >= MAX_ERRORS && !this.#errors.has(slot)) return;
    this.#errors.set(slot, { slot, generation, kind, message: message.slice(0, MAX_MESSAGE), failures });
  }
}
