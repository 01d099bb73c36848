import { afterEach, describe, expect, it } from 'vitest';
import { METRICS_SOURCE } from '../kit/metrics-source.ts';
import { allocateColumns } from '../../src/datastore/columns.ts';
import { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { BUILT_IN_ENGINES } from '../../src/scrape/engines.ts';
import type { ScrapeReport } from '../../src/scrape/report.ts';
import { startScraper } from '../../src/scrape/scraper.ts';
import type { HttpSourceSettings } from '../../src/scrape/sources.ts';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import { eventually } from './eventually.ts';

const EXTRACTOR = { labelKey: 'llm-d.ai/engine-type', defaultEngine: 'vllm', engines: BUILT_IN_ENGINES };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function modelServer(): Promise<ModelServer> {
  const server = await startModelServer();
  cleanups.push(() => server.close());
  return server;
}

function scraped({ host, port }: ModelServer, source: Partial<HttpSourceSettings> = {}) {
  const table = new EndpointTable(allocateColumns());
  table.replace([{ namespace: 'default', name: 'a', address: host, port, labels: {} }]);
  const reports: ScrapeReport[] = [];
  const log: string[] = [];
  const write = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const scraper = startScraper({
    table,
    settings: { source: { ...METRICS_SOURCE, ...source }, extractor: EXTRACTOR, intervalMs: 50, reportMs: 50 },
    log: { debug: write, info: write, warn: write, error: write },
    onReport: (report) => reports.push(report),
  });
  cleanups.push(() => scraper.close());
  return { signals: table.signals, reports, log };
}

describe('the short page of a simulated server', () => {
  it('is found and tells what the whole one does', async () => {
    const server = await modelServer();
    const { signals, reports, log } = scraped(server);
    await eventually(() => reports.at(-1)?.shortPages).toBe(1);
    const scrapes = signals.scrapes[0];
    await eventually(() => signals.scrapes[0] > scrapes + 2).toBe(true);
    expect([signals.waiting[0], signals.running[0], signals.kvUsage[0]]).toEqual([0, 0, 0]);
    expect([signals.blockTokens[0], signals.blockCount[0]]).toEqual([16, server.state().blocks]);
    expect(log).toEqual(['metrics page has a short form, which is read from now on {"endpoint":"default/a"}']);
  });

  it.each(['empty', 'missing'] as const)('is given up while it is %s', async (shortMetrics) => {
    const server = await modelServer();
    const { signals, reports, log } = scraped(server);
    await eventually(() => reports.at(-1)?.shortPages).toBe(1);
    await server.setFaults({ shortMetrics });
    await eventually(() => reports.at(-1)?.shortPages).toBe(0);
    const scrapes = signals.scrapes[0];
    await eventually(() => signals.scrapes[0] > scrapes + 2).toBe(true);
    expect(log.slice(1)).toEqual(['metrics page has no short form, so it is read whole {"endpoint":"default/a"}']);
    expect(reports.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it.each<[string, Partial<HttpSourceSettings>]>([
    ['turned off', { shortPage: false }],
    ['a path is configured', { path: '/metrics/' }],
  ])('is not asked for when %s', async (_, source) => {
    const { signals, reports, log } = scraped(await modelServer(), source);
    await eventually(() => signals.scrapes[0] > 4 && reports.length > 2).toBe(true);
    expect(reports.flatMap(({ shortPagesFound }) => shortPagesFound)).toEqual([]);
    expect(log).toEqual([]);
  });
});
