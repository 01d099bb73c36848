import type { Random } from '../core/random.ts';
import { DEFAULT_PATH, type Engine, metricNames } from './engines.ts';

/** Longest path with names: more is refused by some servers and proxies, and by then the page is not short any more. */
const MAX_PATH_BYTES = 4096;
/** After so long the whole page is read once and the short one held against it anew, whatever was found before. */
const RECHECK_MS = 600_000;
/** Recheck times vary by this share, so that the endpoints of a pool are not all asked anew in the same second. */
const RECHECK_JITTER = 0.5;
/** Short pages that may be lacking between two rechecks: a restart costs one, a server that has none costs all. */
const CHANCES = 2;

/**
 * Path of the page with nothing on it but what is read of the engine; undefined where the engine is not known to have
 * one. The slash before the query matters: without it vLLM prints everything. Source: contract `model-servers.md` 1.3.
 */
export function shortPagePath(engine: Engine): string | undefined {
  if (engine.filtersByName !== true) return undefined;
  const query = metricNames(engine).map((name) => `name%5B%5D=${encodeURIComponent(name)}`);
  const path = `${DEFAULT_PATH}/?${query.join('&')}`;
  return query.length > 0 && path.length <= MAX_PATH_BYTES ? path : undefined;
}

/**
 * Whether one endpoint is asked for its short page. That page counts while it has as many of the metrics that are read
 * as the whole one had; where it falls short, the whole one is asked for before anything is called a failure.
 */
export class ShortPage {
  readonly #path: string;
  readonly #random: Random;
  readonly #found: (has: boolean) => void;
  /** The request under way, or the next one, is for the short page. */
  #asked = false;
  /** Metrics on the newest whole page. */
  #names = 0;
  /** A short page was taken since the newest whole one. */
  #taken = false;
  #chances = CHANCES;
  #recheckMs = Number.NEGATIVE_INFINITY;
  #has: boolean | undefined;

  /** `found` is told when the endpoint is found to have a short page or none, and when that changes. */
  constructor(path: string, random: Random, found: (has: boolean) => void) {
    this.#path = path;
    this.#random = random;
    this.#found = found;
  }

  /** Whether the endpoint was last found to have a short page. */
  get has(): boolean {
    return this.#has === true;
  }

  /** What the page under way must have of the metrics that are read, to be taken. */
  get leastNames(): number {
    return this.#asked ? this.#names : 0;
  }

  /** Path to ask now; undefined for the whole page. */
  pathAt(nowMs: number): string | undefined {
    if (nowMs >= this.#recheckMs) {
      this.#recheckMs = nowMs + RECHECK_MS * (1 + RECHECK_JITTER * (this.#random.next() - 0.5));
      this.#chances = CHANCES;
      this.#asked = false;
    }
    return this.#asked ? this.#path : undefined;
  }

  /** A good page came, with so many of the metrics that are read. */
  took(names: number): void {
    this.#taken = this.#asked;
    if (this.#asked) return this.#tell(true);
    this.#names = names;
    this.#asked = this.#chances > 0;
  }

  /** The answer is no page to take. True when it was the short one, so that the whole one is to be asked for at once. */
  refused(): boolean {
    if (!this.#asked) return false;
    this.#lack();
    return true;
  }

  /** No answer came, which says nothing about a short page that came before; the whole one is asked for next. */
  failed(): void {
    if (!this.#asked) return;
    if (this.#taken) this.#asked = false;
    else this.#lack();
  }

  #lack(): void {
    this.#asked = false;
    this.#chances--;
    if (this.#chances <= 0) this.#tell(false);
  }

  #tell(has: boolean): void {
    if (this.#has === has) return;
    this.#has = has;
    this.#found(has);
  }
}
