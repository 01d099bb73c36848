import type { FetchFault } from './fetch-page.ts';

/** What came of a page. */
export interface Verdict {
  /** Whether the page was what it should be; when not, the endpoint fails. */
  readonly good: boolean;
  /** What was wrong with the page or lacking on it, in one line; undefined for nothing. */
  readonly trouble?: string | undefined;
  /** The trouble is with the form of the page, so that nothing could be looked for. */
  readonly malformed?: boolean | undefined;
}

/** Reads the pages of one endpoint and does what has to be done with them. */
export interface PageReader {
  /** `page` is valid during the call only. Never throws. */
  read(page: Uint8Array): Verdict;
  /** Told what every request came to before a page of it is read: a fault, or undefined for a page. */
  reached?(fault: FetchFault | undefined): void;
}

/** A page without trouble. */
export const GOOD: Verdict = { good: true };
