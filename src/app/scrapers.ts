import type { ResolvedConfig } from '../config/resolved.ts';
import { CORE_METRICS } from '../core/endpoint-facts.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { MetricsTrust } from '../datastore/metrics-trust.ts';
import type { CoreExtractorSettings } from '../scrape/extractors.ts';
import type { ScrapeReport } from '../scrape/report.ts';
import { checkSource, type Scraper, startScraper } from '../scrape/scraper.ts';
import type { HttpSourceSettings } from '../scrape/sources.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Instances } from './instances.ts';
import type { PickerSettings } from './settings.ts';
import { SCRAPE_WORKER_URL } from './worker-url.ts';

/** Types of sources that are scraped, and of what reads them. */
const SCRAPED: ReadonlyMap<string, string> = new Map([
  ['metrics-data-source', CORE_METRICS],
  ['models-data-source', 'models-data-extractor'],
]);

/** What scrapers work on and who hears of trouble. */
export interface ScraperParts {
  readonly table: EndpointTable;
  readonly trust: Pick<MetricsTrust, 'scrapedEvery'>;
  readonly settings: PickerSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** A source to scrape: settings of the source and of what reads it, the plugins' own objects. */
interface Task {
  readonly source: HttpSourceSettings;
  readonly extractorType: string;
  readonly extractor: object;
}

interface Running extends Task {
  readonly scraper: Scraper;
}

/** One scraper per scraped source of the configuration that somebody reads. */
export class Scrapers {
  readonly #parts: ScraperParts;
  readonly #running = new Map<string, Running>();

  constructor(parts: ScraperParts) {
    this.#parts = parts;
  }

  /**
   * Makes what is scraped equal to what a configuration says. A scraper goes on while the plugins it was made from are
   * the same instances. Throws `ConfigError` for certificates that cannot be used, and changes nothing then.
   */
  follow(config: ResolvedConfig, instances: Instances): void {
    const tasks = tasksOf(config, instances);
    const fresh = this.#startChanged(tasks);
    for (const [name, { scraper }] of this.#running) {
      if (tasks.has(name) && !fresh.has(name)) continue;
      this.#running.delete(name);
      void scraper.close();
    }
    for (const [name, running] of fresh) this.#running.set(name, running);
  }

  /** Ends every scraper; resolves when they are gone. */
  async close(): Promise<void> {
    const running = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(running.map(({ scraper }) => scraper.close()));
  }

  #startChanged(tasks: ReadonlyMap<string, Task>): ReadonlyMap<string, Running> {
    const changed = [...tasks].filter(([name, task]) => !sameTask(this.#running.get(name), task));
    // Starting one makes the table forget what another has read, so whatever can be wrong is found before.
    for (const [, { source }] of changed) checkSource(source);
    const started = new Map<string, Running>();
    try {
      for (const [name, task] of changed) started.set(name, { ...task, scraper: this.#start(task) });
    } catch (error) {
      for (const { scraper } of started.values()) void scraper.close();
      throw error;
    }
    return started;
  }

  #start({ source, extractorType, extractor }: Task): Scraper {
    const { table, trust, settings, metrics, log } = this.#parts;
    const readsMetrics = extractorType === CORE_METRICS;
    const intervalMs = source.intervalMs ?? settings.refreshMetricsIntervalMs;
    if (readsMetrics) trust.scrapedEvery(intervalMs);
    return startScraper({
      table,
      settings: {
        source,
        extractor: readsMetrics ? (extractor as CoreExtractorSettings) : undefined,
        intervalMs,
      },
      log,
      onReport(report) {
        if (readsMetrics) {
          trust.scrapedEvery(report.intervalMs);
          metrics.gauge('short_metrics_page_endpoints').set(report.shortPages);
        }
        countErrors(metrics, report, source.type, extractorType);
      },
      onRestart: () => metrics.counter('scraper_restarts_total').inc(),
      workerUrl: SCRAPE_WORKER_URL,
    });
  }
}

function tasksOf({ sources, plugins }: ResolvedConfig, instances: Instances): ReadonlyMap<string, Task> {
  const types = new Map(plugins.map(({ name, type }) => [name, type]));
  const tasks = new Map<string, Task>();
  for (const { source, extractors } of sources) {
    const extractorType = SCRAPED.get(types.get(source) ?? '');
    const extractor = extractors.find((name) => types.get(name) === extractorType);
    if (extractorType === undefined || extractor === undefined) continue;
    tasks.set(source, {
      source: instances.get('source', source).instance as HttpSourceSettings,
      extractorType,
      extractor: instances.get('extractor', extractor).instance,
    });
  }
  return tasks;
}

function sameTask(running: Task | undefined, task: Task): boolean {
  return running?.source === task.source && running.extractor === task.extractor;
}

function countErrors(metrics: Metrics, report: ScrapeReport, sourceType: string, extractorType: string): void {
  const source = { source_type: sourceType };
  metrics.counter('datalayer_poll_errors_total').inc(source, total(report.pollErrors));
  metrics
    .counter('datalayer_extract_errors_total')
    .inc({ ...source, extractor_type: extractorType }, report.extractErrors);
}

function total(counts: Readonly<Record<string, number | undefined>>): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
