import type { ResolvedConfig } from '../config/resolved.ts';
import { ConfigError } from '../core/errors.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { Objectives } from '../datastore/objectives.ts';
import type { ModelRewrites } from '../datastore/rewrites.ts';
import { type FileDiscoverySettings, startFileDiscovery } from '../discovery/file.ts';
import { startObjectsFile } from '../discovery/objects.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import type { CoreExtractorSettings, MetricsSourceSettings } from '../scrape/plugins.ts';
import { startScraper, type Scraper } from '../scrape/scraper.ts';
import type { ScrapeReport } from '../scrape/report.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Instances } from './instances.ts';
import type { PickerSettings } from './settings.ts';
import { SCRAPE_WORKER_URL } from './worker-url.ts';

/** What facts flow into and who hears about trouble. */
export interface FactParts {
  readonly config: ResolvedConfig;
  readonly instances: Instances;
  readonly table: EndpointTable;
  readonly settings: PickerSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Starts the discovery plugin the configuration names; resolves after its first load, when the table is filled. Rejects
 * when that load fails.
 */
export async function startDiscovery({ config, instances, table, metrics, log }: FactParts): Promise<DiscoverySource> {
  const settings = instances.get('discovery', config.discovery ?? '').instance as FileDiscoverySettings;
  return startFileDiscovery(settings, {
    log,
    sink: {
      replace(specs) {
        const change = table.replace(specs);
        log.info({ ...change, endpoints: table.all.length }, 'endpoints loaded');
        if (change.refused > 0) log.error(change, 'the pool is larger than the endpoint table; the rest is left out');
      },
    },
    onReloadError: () => metrics.counter('config_reload_errors_total').inc({ file: 'endpoints' }),
  });
}

/** Where objectives and model rewrites come from and go to. */
export interface ObjectParts {
  readonly path: string;
  readonly poolName: string;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Starts following the objects file; resolves after its first load, rejects when that finds anything wrong. */
export function startObjects(parts: ObjectParts): Promise<{ close(): Promise<void> }> {
  const { path, poolName, metrics, log } = parts;
  return startObjectsFile({
    path,
    poolName,
    log,
    sink: {
      replace(objectives, rewrites) {
        parts.objectives.replace(objectives);
        parts.rewrites.replace(rewrites);
        log.info({ objectives: objectives.length, rewrites: rewrites.length }, 'objects loaded');
      },
    },
    onReloadError: () => metrics.counter('config_reload_errors_total').inc({ file: 'objects' }),
  });
}

/** Starts one scraper per metrics source of the configuration. */
export function startScrapers(parts: FactParts): readonly Scraper[] {
  const { config, instances, table, settings, metrics, log } = parts;
  const sources = config.sources.filter(({ source }) => typeOf(instances, source) === 'metrics-data-source');
  return sources.map(({ source, extractors }) => {
    const fetch = instances.get('source', source).instance as MetricsSourceSettings;
    const extract = extractors.find((name) => typeOf(instances, name) === 'core-metrics-extractor');
    if (extract === undefined) {
      throw new ConfigError(`dataLayer source '${source}' has no core-metrics-extractor to read its pages`);
    }
    return startScraper({
      table,
      settings: {
        source: fetch,
        extractor: instances.get('extractor', extract).instance as CoreExtractorSettings,
        intervalMs: fetch.intervalMs ?? settings.refreshMetricsIntervalMs,
      },
      log,
      onReport: (report) => countErrors(metrics, report),
      onRestart: () => metrics.counter('scraper_restarts_total').inc(),
      workerUrl: SCRAPE_WORKER_URL,
    });
  });
}

function countErrors(metrics: Metrics, report: ScrapeReport): void {
  const source = { source_type: 'metrics-data-source' };
  const extractor = { ...source, extractor_type: 'core-metrics-extractor' };
  metrics.counter('datalayer_poll_errors_total').inc(source, total(report.pollErrors));
  metrics.counter('datalayer_extract_errors_total').inc(extractor, report.extractErrors);
}

function total(counts: Readonly<Record<string, number | undefined>>): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

function typeOf(instances: Instances, name: string): string | undefined {
  return instances.all.find((plugin) => plugin.name === name)?.type;
}
