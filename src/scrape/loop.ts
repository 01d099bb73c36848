import type { Random } from '../core/random.ts';
import type { FetchFault, PageConnection, PageFetcher } from './fetch-page.ts';
import { Pace } from './pace.ts';
import type { PageReader } from './page-reader.ts';
import { ReportBook, type ScrapeReport } from './report.ts';
import { ShortPage } from './short-page.ts';

/** Shortest sleep between two turns: a few scrapes per wake-up cost less than a wake-up per scrape. */
const MIN_SLEEP_MS = 5;
const MAX_SLEEP_MS = 1000;
/** A turn this late says that the thread, not the servers, was slow. */
const STALL_MS = 100;
/** A failing endpoint is asked half as often each time, down to once in this long. */
const MAX_BACKOFF_MS = 2000;
/** An endpoint is first asked within this long, however seldom it is asked later. */
const MAX_SPREAD_MS = 1000;
/** Intervals vary by this share around their length, so that endpoints do not fall into step. */
const JITTER = 0.1;

/** An endpoint to scrape. */
export interface Target {
  readonly slot: number;
  readonly generation: number;
  readonly host: string;
  readonly port: number;
  /** Whether requests are served at the same port, so that nobody listening there says something about them. */
  readonly serves: boolean;
  /** Paths and queries of the page, tried in order until one has it. At least one. */
  readonly paths: readonly string[];
  /** Path of a page with nothing else on it, to be tried and preferred; undefined for none. */
  readonly shortPath: string | undefined;
  /** Place in the list of engines; of no meaning where there are none. */
  readonly engine: number;
}

/** What a loop runs with. Times in milliseconds of one monotonic clock. */
export interface LoopSettings {
  readonly intervalMs: number;
  /** A page must be complete this long after it was asked for. */
  readonly timeoutMs: number;
  /** Cores the thread may use. */
  readonly cpuBudget: number;
  /** Scrapes under way at once. */
  readonly maxConcurrent: number;
}

/** The world outside the loop. */
export interface LoopParts {
  readonly readers: (target: Target) => PageReader;
  readonly fetcher: PageFetcher;
  readonly random: Random;
  readonly nowMs: () => number;
  /** CPU time this thread has used. */
  readonly threadCpuMs: () => number;
}

interface Probe {
  readonly target: Target;
  readonly reader: PageReader;
  readonly short: ShortPage | undefined;
  connection: PageConnection;
  /** What `connection` asks for. */
  connectedPath: string;
  /** Place of the whole page's path in use. */
  path: number;
  /** The path has had the page, so there is no reason to try others. */
  pathProven: boolean;
  dueMs: number;
  /** `NaN` when no scrape is under way. */
  startedMs: number;
  /** Failures in a row. */
  failures: number;
}

/**
 * When to scrape whom, and what to do with the answer. Holds no timer: the owner calls `turn` again after as many
 * milliseconds as it returns, or earlier.
 */
export class ScrapeLoop {
  readonly #settings: LoopSettings;
  readonly #parts: LoopParts;
  readonly #pace: Pace;
  readonly #book = new ReportBook();
  readonly #probes: Probe[] = [];
  #underWay = 0;
  /** Where the next look at the probes begins, so that no probe is last for ever when there is not room for all. */
  #cursor = 0;
  /** When the next turn should be. */
  #plannedMs = Number.POSITIVE_INFINITY;

  constructor(settings: LoopSettings, parts: LoopParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#pace = new Pace(settings.intervalMs, settings.cpuBudget, parts.nowMs(), parts.threadCpuMs);
  }

  /** Starts scraping an endpoint, at a random moment of the first interval. */
  add(target: Target): void {
    const { paths, shortPath } = target;
    const found = (has: boolean): void => this.#book.shortPageFound(target, has);
    this.#probes.push({
      target,
      reader: this.#parts.readers(target),
      short: shortPath === undefined ? undefined : new ShortPage(shortPath, this.#parts.random, found),
      connection: this.#open(target, paths[0]),
      connectedPath: paths[0],
      path: 0,
      pathProven: false,
      dueMs: this.#parts.nowMs() + this.#parts.random.next() * Math.min(MAX_SPREAD_MS, this.#pace.intervalMs),
      startedMs: Number.NaN,
      failures: 0,
    });
  }

  /** Stops scraping an endpoint; a scrape under way is dropped. */
  remove(slot: number, generation: number): void {
    const at = this.#probes.findIndex(({ target }) => target.slot === slot && target.generation === generation);
    if (at === -1) return;
    const [probe] = this.#probes.splice(at, 1);
    if (!Number.isNaN(probe.startedMs)) this.#underWay--;
    probe.startedMs = Number.NaN;
    probe.connection.close();
  }

  /** Ends every connection. The loop is of no more use. */
  close(): void {
    for (const probe of this.#probes) probe.connection.close();
    this.#probes.length = 0;
    this.#underWay = 0;
  }

  /** Gives up what is late, starts what is due, and returns in how many milliseconds there is something to do. */
  turn(): number {
    const nowMs = this.#parts.nowMs();
    const count = this.#probes.length;
    this.#pace.adjust(nowMs, count);
    // After a stall the answers lie unread in the sockets: read them before calling anybody late.
    const stalled = nowMs - this.#plannedMs > STALL_MS;
    let nextMs = nowMs + MAX_SLEEP_MS;
    let resume = -1;
    for (let i = 0; i < count; i++) {
      const at = (this.#cursor + i) % count;
      const probe = this.#probes[at];
      if (Number.isNaN(probe.startedMs) && probe.dueMs <= nowMs) {
        if (this.#underWay < this.#settings.maxConcurrent) this.#start(probe, nowMs);
        else if (resume === -1) resume = at;
      } else if (!stalled && nowMs - probe.startedMs >= this.#settings.timeoutMs) {
        probe.connection.close();
        this.#failed(probe, 'timeout', `no page within ${this.#settings.timeoutMs} ms`);
      }
      const wakeMs = this.#nextLookMs(probe, nowMs);
      if (wakeMs < nextMs) nextMs = wakeMs;
    }
    if (resume !== -1) this.#cursor = resume;
    const sleepMs = Math.max(MIN_SLEEP_MS, nextMs - nowMs);
    this.#plannedMs = nowMs + sleepMs;
    return sleepMs;
  }

  #nextLookMs({ dueMs, startedMs }: Probe, nowMs: number): number {
    if (Number.isNaN(startedMs)) return dueMs;
    // Answers wake nobody, so look again when the next scrape would be due if this one had been answered by then.
    const nextDueMs = Math.max(dueMs, nowMs) + this.#pace.intervalMs * (1 - JITTER / 2);
    return Math.min(nextDueMs, startedMs + this.#settings.timeoutMs);
  }

  /** What happened since the last call. */
  takeReport(): ScrapeReport {
    let shortPages = 0;
    for (const { short } of this.#probes) if (short?.has) shortPages++;
    return this.#book.take({
      endpoints: this.#probes.length,
      shortPages,
      intervalMs: this.#pace.intervalMs,
      cpuMsPerScrape: this.#pace.costMs,
    });
  }

  #start(probe: Probe, nowMs: number): void {
    probe.startedMs = nowMs;
    this.#underWay++;
    this.#connect(probe, probe.short?.pathAt(nowMs) ?? probe.target.paths[probe.path]);
    probe.connection.get({
      page: (bytes) => this.#arrived(probe, bytes),
      failed: (fault, message) => this.#failed(probe, fault, message),
    });
  }

  #open({ host, port }: Target, path: string): PageConnection {
    return this.#parts.fetcher.open(host, port, path);
  }

  #connect(probe: Probe, path: string): void {
    if (probe.connectedPath === path) return;
    probe.connection.close();
    probe.connection = this.#open(probe.target, path);
    probe.connectedPath = path;
  }

  #arrived(probe: Probe, page: Uint8Array): void {
    probe.reader.reached?.(undefined);
    const { good, malformed, trouble, names = 0 } = probe.reader.read(page, probe.short?.leastNames ?? 0);
    if (!good && this.#tryOtherPage(probe)) return;
    const failures = good ? 0 : probe.failures + 1;
    if (malformed === true) this.#book.pollFailed(probe.target, 'malformed', trouble ?? '', failures);
    else if (trouble !== undefined) this.#book.extractFailed(probe.target, trouble, failures);
    if (good) this.#tookPage(probe, names);
    this.#ended(probe, good);
  }

  #tookPage(probe: Probe, names: number): void {
    this.#book.scraped();
    if (probe.failures > 0) this.#book.recovered(probe.target);
    probe.pathProven = true;
    probe.short?.took(names);
  }

  #failed(probe: Probe, fault: FetchFault, message: string): void {
    probe.reader.reached?.(fault);
    if (fault === 'connect' || fault === 'timeout') probe.short?.failed();
    else if (this.#tryOtherPage(probe, fault === 'status')) return;
    this.#book.pollFailed(probe.target, fault, message, probe.failures + 1);
    this.#ended(probe, false);
  }

  /**
   * Goes on with the next turn to a page that was not tried yet: the whole one after a short one, or one that may be
   * `elsewhere`. False when there is none, back at the first.
   */
  #tryOtherPage(probe: Probe, elsewhere = true): boolean {
    if (probe.short?.refused() !== true && !(elsewhere && nextPath(probe))) return false;
    probe.dueMs = this.#parts.nowMs();
    this.#free(probe);
    return true;
  }

  #ended(probe: Probe, good: boolean): void {
    probe.failures = good ? 0 : probe.failures + 1;
    const backoff = Math.min(2 ** Math.max(0, probe.failures - 1), MAX_BACKOFF_MS / this.#pace.intervalMs);
    const intervalMs = this.#pace.intervalMs * Math.max(1, backoff);
    const jitter = 1 + JITTER * (this.#parts.random.next() - 0.5);
    // From when it was due, not from when it began: the wait for the turn must not add up.
    probe.dueMs = Math.max(probe.dueMs, probe.startedMs - MIN_SLEEP_MS) + intervalMs * jitter;
    this.#free(probe);
  }

  #free(probe: Probe): void {
    probe.startedMs = Number.NaN;
    this.#underWay--;
    this.#pace.scraped();
  }
}

/** Moves on to the next path, unless one has had the page; false when all were tried, back at the first. */
function nextPath(probe: Probe): boolean {
  const { paths } = probe.target;
  if (probe.pathProven || paths.length === 1) return false;
  probe.path = (probe.path + 1) % paths.length;
  return probe.path !== 0;
}
