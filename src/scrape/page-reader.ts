import type { FetchFault } from './fetch-page.ts';

/** What came of a page. */
export interface Verdict {
  /** Whether the page was what it should be; when not, the endpoint fails. */
  readonly good: boolean;
  /** What was wrong with the page or lacking on it, in one line; undefined for nothing. */
  readonly trouble?: string | undefined;
  /** The trouble is with the form of the page, so that nothing could be looked for. */
  readonly malformed?: boolean | undefined;
  /** How many of the names that are looked for the page has; undefined where none are. */
  readonly names?: number | undefined;
}

/** Reads the pages of one endpoint and does what has to be done with them. */
export interface PageReader {
  /**
   * `page` is valid during the call only. One with fewer of the names that are looked for than `leastNames` is not good,
   * and nothing is done with it. Never throws.
   */
  read(page: Uint8Array, leastNames: number): Verdict;
  /** Told what every request came to before a page of it is read: a fault, or undefined for a page. */
  reached?(fault: FetchFault | undefined): void;
}

/** A page without trouble, where no names are looked for. */
export const GOOD: Verdict = { good: true };
