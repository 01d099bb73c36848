import type { Random } from '../core/random.ts';
import type { Columns } from '../datastore/columns.ts';
import type { Engine } from './engines.ts';
import type { FetchFault, PageConnection, PageFetcher } from './fetch-page.ts';
import { Pace } from './pace.ts';
import { ReportBook, type ScrapeReport } from './report.ts';
import { SignalReader, type SignalValues } from './signals.ts';

/** Shortest sleep between two turns: a few scrapes per wake-up cost less than a wake-up per scrape. */
const MIN_SLEEP_MS = 5;
const MAX_SLEEP_MS = 1000;
/** A turn this late says that the thread, not the servers, was slow. */
const STALL_MS = 100;
/** A failing endpoint is asked half as often each time, down to once in this long. */
const MAX_BACKOFF_MS = 2000;
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
  /** Place in the list of engines. */
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
  readonly columns: Columns;
  readonly engines: readonly Engine[];
  readonly fetcher: PageFetcher;
  readonly random: Random;
  readonly nowMs: () => number;
  /** CPU time this thread has used. */
  readonly threadCpuMs: () => number;
}

interface Probe {
  readonly target: Target;
  readonly connection: PageConnection;
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
  readonly #readers: readonly SignalReader[];
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
    this.#readers = parts.engines.map((engine) => new SignalReader(engine));
    this.#pace = new Pace(settings.intervalMs, settings.cpuBudget, parts.nowMs(), parts.threadCpuMs);
  }

  /** Starts scraping an endpoint, at a random moment of the first interval. */
  add(target: Target): void {
    this.#probes.push({
      target,
      connection: this.#parts.fetcher.open(target.host, target.port),
      dueMs: this.#parts.nowMs() + this.#parts.random.next() * this.#pace.intervalMs,
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
    return this.#book.take(this.#probes.length, this.#pace.intervalMs, this.#pace.costMs);
  }

  #start(probe: Probe, nowMs: number): void {
    probe.startedMs = nowMs;
    this.#underWay++;
    probe.connection.get({
      page: (bytes) => this.#arrived(probe, bytes),
      failed: (fault, message) => this.#failed(probe, fault, message),
    });
  }

  #arrived(probe: Probe, page: Uint8Array): void {
    const { target } = probe;
    if (target.serves) this.#reached(target);
    const { values, missing } = this.#readers[target.engine].read(page);
    const good = !(Number.isNaN(values.waiting) && Number.isNaN(values.running) && Number.isNaN(values.kvUsage));
    if (missing.length > 0) {
      const failures = good ? 0 : probe.failures + 1;
      this.#book.extractFailed(target, `not on the page, or not usable: ${missing.join(', ')}`, failures);
    }
    if (good) this.#write(target, values);
    if (good && probe.failures > 0) this.#book.recovered(target);
    this.#ended(probe, good);
  }

  #write(target: Target, values: SignalValues['values']): void {
    const { columns } = this.#parts;
    const { slot, generation } = target;
    // The slot may have a new tenant that the main thread has not told of yet.
    if (Atomics.load(columns.generation, slot) !== generation) return;
    columns.waiting[slot] = values.waiting;
    columns.running[slot] = values.running;
    columns.kvUsage[slot] = values.kvUsage;
    columns.blockTokens[slot] = values.blockTokens;
    columns.blockCount[slot] = values.blockCount;
    columns.scrapedAtMs[slot] = this.#parts.nowMs();
    // Last: whoever sees the new count sees the values it counts.
    Atomics.add(columns.scrapes, slot, 1);
    this.#book.scraped();
  }

  /** Tells the picking thread at once whether the endpoint can be reached: the report may be a second away. */
  #reached({ slot, generation }: Target, fault?: FetchFault): void {
    const { columns } = this.#parts;
    if (Atomics.load(columns.generation, slot) !== generation) return;
    const nowMs = this.#parts.nowMs();
    const { refusedSinceMs, hungSinceMs } = columns;
    if (fault !== 'connect') refusedSinceMs[slot] = Number.NaN;
    else if (Number.isNaN(refusedSinceMs[slot])) refusedSinceMs[slot] = nowMs;
    if (fault !== 'timeout') hungSinceMs[slot] = Number.NaN;
    else if (Number.isNaN(hungSinceMs[slot])) hungSinceMs[slot] = nowMs;
  }

  #failed(probe: Probe, fault: FetchFault, message: string): void {
    if (probe.target.serves) this.#reached(probe.target, fault);
    this.#book.pollFailed(probe.target, fault, message, probe.failures + 1);
    this.#ended(probe, false);
  }

  #ended(probe: Probe, good: boolean): void {
    probe.failures = good ? 0 : probe.failures + 1;
    const backoff = Math.min(2 ** Math.max(0, probe.failures - 1), MAX_BACKOFF_MS / this.#pace.intervalMs);
    const intervalMs = this.#pace.intervalMs * Math.max(1, backoff);
    const jitter = 1 + JITTER * (this.#parts.random.next() - 0.5);
    // From when it was due, not from when it began: the wait for the turn must not add up.
    probe.dueMs = Math.max(probe.dueMs, probe.startedMs - MIN_SLEEP_MS) + intervalMs * jitter;
    probe.startedMs = Number.NaN;
    this.#underWay--;
    this.#pace.scraped();
  }
}
