import { Worker } from 'node:worker_threads';
import type { Endpoint } from '../core/endpoint.ts';
import { CORE_METRICS } from '../core/endpoint-facts.ts';
import type { EndpointRef } from '../datastore/endpoint-facts.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import { errorMessage } from '../lib/error-message.ts';
import { DEFAULT_PATH, selectEngine } from './engines.ts';
import type { CoreExtractorSettings } from './extractors.ts';
import type { LoopSettings, Target } from './loop.ts';
import type { ReadTask, TargetsMessage, WorkerMessage, WorkerSettings } from './messages.ts';
import type { ScrapeReport } from './report.ts';
import type { HttpSourceSettings } from './sources.ts';
import { shortPagePath } from './short-page.ts';
import { readTls } from './tls-files.ts';
import { type ScrapeLog, Troubles } from './troubles.ts';

const FIRST_RESTART_MS = 100;
const LAST_RESTART_MS = 10_000;
const REPORT_MS = 1000;

/** How to scrape: the plugins' settings and the process's limits. */
export interface ScrapeSettings extends Partial<LoopSettings> {
  readonly source: HttpSourceSettings;
  /** How metrics pages are read; undefined where the source brings lists of models. */
  readonly extractor: CoreExtractorSettings | undefined;
  /** Time between two scrapes of an endpoint, 50 at least; the CPU budget may make it longer. */
  readonly intervalMs: number;
  /** Time between two reports, default 1000. */
  readonly reportMs?: number;
  /** A worker that reports nothing for so long is replaced; default 15,000. */
  readonly silenceMs?: number;
  /** Heap of the worker, in MiB; one that needs more is replaced, instead of taking the picker with it. Default 512. */
  readonly maxHeapMiB?: number;
}

/**
 * Limits where the settings name none. A quarter of a core asks some 300 servers every 50 ms and 1,000 every 160 ms;
 * more would be taken from picking where cores are few, and the books of load fill the time between two pages.
 */
export const SCRAPE_LIMITS = { timeoutMs: 1000, cpuBudget: 0.25, maxConcurrent: 256 } as const;

const SILENCE_MS = 15_000;
const MAX_HEAP_MIB = 512;

/** What `startScraper` works on. */
export interface ScraperOptions {
  readonly table: EndpointTable;
  readonly settings: ScrapeSettings;
  readonly log: ScrapeLog;
  /** Called with what the worker did, every `reportMs`. */
  readonly onReport: (report: ScrapeReport) => void;
  /** The worker was lost and another one starts; `restarts` so far. */
  readonly onRestart?: (restarts: number) => void;
  /** Where the worker's code is, for bundles; by default the source beside this file. */
  readonly workerUrl?: URL;
}

/** Throws `ConfigError` when a scraper of the source could not start. */
export function checkSource(source: HttpSourceSettings): void {
  if (source.scheme === 'https') readTls(source);
}

/** A running scraper. */
export interface Scraper {
  /** Workers lost and replaced so far. */
  readonly restarts: number;
  /**
   * Ends the worker; resolves when it is gone. Custom attributes nobody else provides end at once, everything else
   * stays as it was last read.
   */
  close(): Promise<void>;
}

/**
 * Scrapes the endpoints of the table on a thread of its own, from now on and through every change of membership. A
 * worker that is lost is replaced after a growing pause; the signals it wrote stay. What the table knows of adapters or
 * models is forgotten first and read anew, so that of two scrapers that follow one another the old one is closed
 * before. Throws `ConfigError` when a certificate cannot be read or there are too many custom attributes.
 */
export function startScraper(options: ScraperOptions): Scraper {
  return new WorkerScraper(options);
}

class WorkerScraper implements Scraper {
  readonly #options: ScraperOptions;
  readonly #workerSettings: WorkerSettings;
  readonly #silenceMs: number;
  readonly #maxHeapMiB: number;
  readonly #troubles: Troubles;
  readonly #stopListening: () => void;
  /** By engine; endpoints of one engine have one text. */
  readonly #shortPaths: readonly (string | undefined)[];
  /** Keys of the custom attributes whose columns are held for the worker. */
  readonly #attributes: ReadonlySet<string>;
  #worker: Worker | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_RESTART_MS;
  #added: Target[] = [];
  #removed: EndpointRef[] = [];
  #closed = false;
  restarts = 0;

  constructor(options: ScraperOptions) {
    this.#options = options;
    const { table, settings, log } = options;
    const { source, extractor, intervalMs, reportMs = REPORT_MS, ...rest } = settings;
    const { silenceMs = SILENCE_MS, maxHeapMiB = MAX_HEAP_MIB, ...limits } = rest;
    this.#silenceMs = silenceMs;
    this.#maxHeapMiB = maxHeapMiB;
    this.#attributes = new Set(extractor?.engines.flatMap(({ attributes = [] }) => attributes.map(({ key }) => key)));
    const shortPages = source.shortPage && source.path === DEFAULT_PATH;
    this.#shortPaths = shortPages ? (extractor?.engines ?? []).map((engine) => shortPagePath(engine)) : [];
    this.#workerSettings = {
      tls: source.scheme === 'https' ? readTls(source) : undefined,
      task: this.#task(),
      loop: { ...SCRAPE_LIMITS, ...limits, intervalMs },
      reportMs,
    };
    table.facts.forgetAll(extractor === undefined ? 'models' : 'lora');
    this.#troubles = new Troubles(log, extractor === undefined ? 'list of models' : 'metrics page');
    this.#stopListening = table.listen({
      added: (endpoint) => this.#queue(() => this.#added.push(this.#target(endpoint))),
      removed: ({ slot, generation }) => {
        this.#troubles.forget({ slot, generation });
        this.#queue(() => this.#removed.push({ slot, generation }));
      },
    });
    this.#startWorker();
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#stopListening();
      this.#releaseAttributes(this.#attributes);
    }
    this.#closed = true;
    clearTimeout(this.#restartTimer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #task(): ReadTask {
    const { table, settings } = this.#options;
    if (settings.extractor === undefined) return { kind: 'models' };
    const attributes = new Map<string, SharedArrayBuffer>();
    try {
      for (const key of this.#attributes) attributes.set(key, table.attributes.hold(key, CORE_METRICS));
    } catch (error) {
      this.#releaseAttributes(attributes.keys());
      throw error;
    }
    return { kind: 'metrics', memory: table.memory, engines: settings.extractor.engines, attributes };
  }

  #releaseAttributes(keys: Iterable<string>): void {
    for (const key of keys) this.#options.table.attributes.release(key, CORE_METRICS);
  }

  #startWorker(): void {
    let worker: Worker;
    try {
      worker = this.#newWorker();
    } catch (error) {
      // A machine without a thread or memory to spare now may have them later; until then the signals stay.
      return this.#onLost(errorMessage(error));
    }
    this.#worker = worker;
    let cause = 'it ended';
    worker.on('error', (error: unknown) => {
      cause = errorMessage(error);
    });
    // A worker reports about every second; one that hangs says nothing and would leave every signal to rot.
    const silence = setTimeout(() => {
      cause = 'it was silent';
      void worker.terminate();
    }, this.#silenceMs);
    silence.unref();
    worker.on('exit', () => {
      clearTimeout(silence);
      if (this.#worker === worker) this.#onLost(cause);
    });
    worker.on('message', (message: WorkerMessage) => {
      silence.refresh();
      if (this.#worker === worker) this.#onMessage(message);
    });
    const { table } = this.#options;
    this.#added = [...table.all].flatMap((slot) => {
      const endpoint = table.at(slot);
      return endpoint === undefined ? [] : [this.#target(endpoint)];
    });
    this.#removed = [];
    this.#send();
  }

  #newWorker(): Worker {
    return new Worker(this.#options.workerUrl ?? new URL('./worker.ts', import.meta.url), {
      workerData: this.#workerSettings,
      name: 'scrape',
      resourceLimits: { maxOldGenerationSizeMb: this.#maxHeapMiB },
    });
  }

  #onLost(cause: string): void {
    this.#worker = undefined;
    this.restarts++;
    this.#options.log.error({ cause, restarts: this.restarts, pauseMs: this.#pauseMs }, 'scrape worker lost');
    this.#options.onRestart?.(this.restarts);
    this.#restartTimer = setTimeout(() => this.#startWorker(), this.#pauseMs);
    this.#pauseMs = Math.min(LAST_RESTART_MS, this.#pauseMs * 2);
  }

  #onMessage(message: WorkerMessage): void {
    if (message.kind === 'report') this.#onReport(message);
    else for (const fact of message.facts) this.#options.table.facts.learn(fact);
  }

  #onReport(report: ScrapeReport): void {
    // A worker that lived to report well has earned a quick restart.
    if (report.scrapes > 0) this.#pauseMs = FIRST_RESTART_MS;
    const { table } = this.#options;
    this.#troubles.take(report, ({ slot, generation }) => {
      const endpoint = table.at(slot);
      return endpoint?.generation === generation ? endpoint.id : undefined;
    });
    this.#options.onReport(report);
  }

  /** Collects the changes of one `replace` into one message. */
  #queue(change: () => void): void {
    if (this.#closed || this.#worker === undefined) return;
    if (this.#added.length === 0 && this.#removed.length === 0) queueMicrotask(() => this.#send());
    change();
  }

  #send(): void {
    const message: TargetsMessage = { added: this.#added, removed: this.#removed };
    this.#added = [];
    this.#removed = [];
    this.#worker?.postMessage(message);
  }

  #target({ slot, generation, address, port, labels }: Endpoint): Target {
    const { source, extractor } = this.#options.settings;
    const engine = extractor === undefined ? 0 : selectEngine(labels, extractor);
    const otherPath = source.path === DEFAULT_PATH ? extractor?.engines[engine].otherPath : undefined;
    const paths = otherPath === undefined ? [source.path] : [source.path, otherPath];
    const scrapedPort = source.port ?? port;
    const shortPath = this.#shortPaths[engine];
    return {
      slot,
      generation,
      host: address,
      port: scrapedPort,
      serves: scrapedPort === port,
      paths,
      shortPath,
      engine,
    };
  }
}
