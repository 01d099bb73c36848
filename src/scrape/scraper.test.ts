import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { METRICS_SOURCE } from '../../test/kit/metrics-source.ts';
import type { EndpointSpec } from '../core/endpoint.ts';
import { MAX_ATTRIBUTES } from '../datastore/attributes.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { mergeEngines } from './engine-configs.ts';
import { BUILT_IN_ENGINES } from './engines.ts';
import type { ScrapeReport } from './report.ts';
import { type Scraper, type ScraperOptions, startScraper } from './scraper.ts';
import type { HttpSourceSettings } from './sources.ts';

const EXTRACTOR = { labelKey: 'llm-d.ai/engine-type', defaultEngine: 'vllm', engines: BUILT_IN_ENGINES };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Waits for a condition that must come; `vi.waitFor` with a bound that holds on a loaded machine. */
async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${condition.toString()}`);
    },
    { timeout: 15_000, interval: 10 },
  );
}

class ModelServer {
  requests = 0;
  answer: RequestListener = (_, response) => response.end(page(1));
  readonly server: Server = createServer((request, response) => {
    this.requests++;
    this.answer(request, response);
  });

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    cleanups.push(() => this.stop());
    return this;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  spec(name: string, labels: Record<string, string> = {}): EndpointSpec {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an address with a port
    const { port } = (this.port ??= this.server.address() as AddressInfo);
    return { namespace: 'default', name, address: '127.0.0.1', port, labels };
  }

  port: AddressInfo | undefined;
}

function page(waiting: number): string {
  return (
    `vllm:num_requests_waiting{engine="0"} ${waiting}\nvllm:num_requests_running{engine="0"} 2\n` +
    'vllm:kv_cache_usage_perc{engine="0"} 0.5\nvllm:cache_config_info{block_size="16",num_gpu_blocks="9"} 1\n'
  );
}

interface Rig {
  readonly table: EndpointTable;
  readonly scraper: Scraper;
  readonly reports: ScrapeReport[];
  readonly log: string[];
}

function rig(specs: EndpointSpec[], options: Partial<ScraperOptions> = {}): Rig {
  const table = options.table ?? new EndpointTable(allocateColumns());
  table.replace(specs);
  const reports: ScrapeReport[] = [];
  const log: string[] = [];
  const write = (level: string) => (fields: object, message: string) => {
    log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const scraper = startScraper({
    settings: { source: METRICS_SOURCE, extractor: EXTRACTOR, intervalMs: 50, timeoutMs: 200, reportMs: 50 },
    log: { debug() {}, info: write('info'), warn: write('warn'), error: write('error') },
    onReport: (report) => reports.push(report),
    ...options,
    table,
  });
  cleanups.push(async () => await scraper.close());
  return { table, scraper, reports, log };
}

const sum = (reports: readonly ScrapeReport[], of: (report: ScrapeReport) => number | undefined): number =>
  reports.reduce((total, report) => total + (of(report) ?? 0), 0);

describe('scraping', () => {
  it('brings every endpoint into its columns, by its own engine', async () => {
    const vllm = await new ModelServer().start();
    const sglang = await new ModelServer().start();
    sglang.answer = (_, response) => response.end('sglang:num_queue_reqs 7\nsglang:token_usage 0.25\n');
    const { table, reports } = rig([vllm.spec('a'), sglang.spec('b', { 'llm-d.ai/engine-type': 'sglang' })]);
    const { signals } = table;
    await until(() => signals.scrapes[0] > 2 && signals.scrapes[1] > 2);
    expect([signals.waiting[0], signals.running[0], signals.kvUsage[0]]).toEqual([1, 2, 0.5]);
    expect([signals.blockTokens[0], signals.blockCount[0]]).toEqual([16, 9]);
    expect([signals.waiting[1], signals.running[1], signals.kvUsage[1]]).toEqual([7, Number.NaN, 0.25]);
    const [seconds, nanoseconds] = process.hrtime();
    const ageMs = seconds * 1000 + nanoseconds / 1e6 - signals.scrapedAtMs[0];
    expect(ageMs).toBeGreaterThanOrEqual(0);
    expect(ageMs).toBeLessThan(60_000);
    await until(() => sum(reports, ({ scrapes }) => scrapes) > 4);
    expect(reports.at(-1)).toMatchObject({ endpoints: 2, intervalMs: 50 });
    // The SGLang page shows neither running requests nor blocks.
    expect(sum(reports, ({ extractErrors }) => extractErrors)).toBeGreaterThan(0);
  });

  it('reads all ranks from the overriding port', async () => {
    const server = await new ModelServer().start();
    const { port, ...spec } = server.spec('a');
    const settings = { source: { ...METRICS_SOURCE, port }, extractor: EXTRACTOR, intervalMs: 50 };
    const { table } = rig([{ ...spec, port: 1 }], { settings });
    await until(() => table.signals.scrapes[0] > 0);
  });

  it.each<[string, RequestListener, (report: ScrapeReport) => number | undefined]>([
    ['garbage', (_, response) => response.end('<html>\u0000\n'), ({ extractErrors }) => extractErrors],
    ['500', (_, response) => response.writeHead(500).end(page(9)), ({ pollErrors }) => pollErrors.status],
    ['silence', () => {}, ({ pollErrors }) => pollErrors.timeout],
    ['a page that stops half-way', (_, response) => response.write(page(9)), ({ pollErrors }) => pollErrors.timeout],
    ['a reset', (request) => request.socket.destroy(), ({ pollErrors }) => pollErrors.connect],
    ['no HTTP', (request) => request.socket.end('SSH-2.0\r\n\r\n'), ({ pollErrors }) => pollErrors.malformed],
  ])('keeps the old values through %s, counts it, tells it once, and recovers', async (_, answer, count) => {
    const server = await new ModelServer().start();
    const { table, reports, log } = rig([server.spec('a')]);
    const { signals } = table;
    await until(() => signals.scrapes[0] > 0);
    server.answer = answer;
    await until(() => log.length === 1);
    const scrapes = signals.scrapes[0];
    expect(log[0]).toMatch(/^warn metrics page fails; the last values are kept .*"endpoint":"default\/a"/);
    expect(sum(reports, count)).toBeGreaterThan(0);
    expect([signals.waiting[0], signals.scrapes[0]]).toEqual([1, scrapes]);
    server.answer = (__, response) => response.end(page(5));
    await until(() => log.length === 2);
    expect(log[1]).toMatch(/^info metrics page is back/);
    expect(signals.waiting[0]).toBe(5);
  });

  it('survives a server that goes and comes back', async () => {
    const server = await new ModelServer().start();
    const { table, reports } = rig([server.spec('a')]);
    await until(() => table.signals.scrapes[0] > 0);
    server.stop();
    await until(() => sum(reports, ({ pollErrors }) => pollErrors.connect) > 0);
    expect(table.signals.waiting[0]).toBe(1);
    const scrapes = table.signals.scrapes[0];
    server.server.listen(server.port?.port, '127.0.0.1');
    await until(() => table.signals.scrapes[0] > scrapes);
  });
});

describe('membership', () => {
  it('scrapes who joins, and leaves alone who left', async () => {
    const first = await new ModelServer().start();
    const second = await new ModelServer().start();
    const { table, reports } = rig([first.spec('a')]);
    await until(() => table.signals.scrapes[0] > 0);
    table.replace([second.spec('b')]);
    expect(table.at(1)?.name).toBe('b');
    await until(() => table.signals.scrapes[1] > 0);
    await until(() => reports.at(-1)?.endpoints === 1);
    const asked = first.requests;
    const scrapes = table.signals.scrapes[1];
    await until(() => table.signals.scrapes[1] > scrapes + 5);
    expect(first.requests).toBe(asked);
  });

  it('never writes a late page into the slot of the next tenant', async () => {
    const slow = await new ModelServer().start();
    const release: (() => void)[] = [];
    slow.answer = (_, response) => release.push(() => response.end(page(99)));
    const { table } = rig([slow.spec('old')], {
      settings: { source: METRICS_SOURCE, extractor: EXTRACTOR, intervalMs: 50, timeoutMs: 60_000 },
    });
    await until(() => release.length === 1);
    const quick = await new ModelServer().start();
    // Enough comings and goings that slot 0 is given away again.
    for (let i = 0; i < 70; i++) table.replace([quick.spec(`passing-${i}`)]);
    const tenant = table.byHostPort(`127.0.0.1:${quick.port?.port}`);
    const reused = [...Array(70).keys()].find((slot) => table.at(slot) !== undefined);
    expect(tenant?.slot).toBe(reused);
    for (const answer of release) answer();
    await until(() => table.signals.scrapes[reused ?? 0] > 3);
    expect(table.signals.waiting[reused ?? 0]).toBe(1);
    expect(table.signals.scrapes[0] === 0 || table.signals.waiting[0] === 1).toBe(true);
  });
});

const LORA =
  'vllm:lora_requests_info{max_lora="2",running_lora_adapters="sql",waiting_lora_adapters="sql, code"} 100\n' +
  'vllm:lora_requests_info{max_lora="2",running_lora_adapters="old",waiting_lora_adapters=""} 50\n';

describe('adapters', () => {
  it('are known per endpoint, follow the page, and go with the endpoint', async () => {
    const server = await new ModelServer().start();
    const plain = await new ModelServer().start();
    server.answer = (_, response) => response.end(page(1) + LORA);
    const { table } = rig([server.spec('a'), plain.spec('b')]);
    await until(() => table.lora(0) !== undefined && table.signals.scrapes[1] > 2);
    expect(table.lora(0)).toEqual({ active: new Set(['sql']), waiting: new Set(['sql', 'code']), maxActive: 2 });
    expect(table.lora(1)).toBeUndefined();
    server.answer = (_, response) => response.end(page(1) + LORA.replace('="sql"', '="sql,code"'));
    await until(() => table.lora(0)?.active.has('code') === true);
    server.answer = (_, response) => response.end(page(1));
    await until(() => table.lora(0) === undefined);
    server.answer = (_, response) => response.end(page(1) + LORA);
    await until(() => table.lora(0) !== undefined);
    table.replace([plain.spec('b')]);
    expect(table.lora(0)).toBeUndefined();
  });

  it('are read anew by a scraper that takes over', async () => {
    const server = await new ModelServer().start();
    server.answer = (_, response) => response.end(page(1) + LORA);
    const first = rig([server.spec('a')]);
    const { table } = first;
    await until(() => table.lora(0) !== undefined);
    await first.scraper.close();
    const noLora = mergeEngines([{ name: 'vllm', queuedRequestsSpec: 'vllm:num_requests_waiting' }]);
    const second = rig([server.spec('a')], {
      table,
      settings: { source: METRICS_SOURCE, extractor: { ...EXTRACTOR, engines: noLora }, intervalMs: 50 },
    });
    expect(table.lora(0)).toBeUndefined();
    const scrapes = table.signals.scrapes[0];
    await until(() => table.signals.scrapes[0] > scrapes + 2);
    expect(table.lora(0)).toBeUndefined();
    await second.scraper.close();
    rig([server.spec('a')], { table });
    await until(() => table.lora(0) !== undefined);
  });
});

describe('custom attributes', () => {
  const withCustom = (...keys: string[]): ScraperOptions['settings'] => ({
    source: METRICS_SOURCE,
    extractor: {
      ...EXTRACTOR,
      defaultEngine: 'mine',
      engines: mergeEngines([
        {
          name: 'mine',
          queuedRequestsSpec: 'vllm:num_requests_waiting',
          customMetrics: keys.map((attributeKey) => ({ attributeKey, metricSpec: `${attributeKey}{tier=gold}` })),
        },
      ]),
    },
    intervalMs: 50,
    reportMs: 50,
  });

  it('are columns of the table while a scraper provides them, also from one to the next', async () => {
    const server = await new ModelServer().start();
    server.answer = (_, response) => response.end(`${page(1)}depth{tier="gold"} 3\nheat{tier="gold"} 4\n`);
    const first = rig([server.spec('a')], { settings: withCustom('depth') });
    const { table } = first;
    await until(() => table.attribute('depth')?.[0] === 3);
    expect(table.attribute('heat')).toBeUndefined();
    const second = rig([server.spec('a')], { table, settings: withCustom('depth', 'heat') });
    expect(table.attribute('depth')?.[0]).toBe(3);
    await first.scraper.close();
    await first.scraper.close();
    await until(() => table.attribute('heat')?.[0] === 4);
    expect(table.attribute('depth')?.[0]).toBe(3);
    await second.scraper.close();
    expect([table.attribute('depth'), table.attribute('heat')]).toEqual([undefined, undefined]);
  });

  it('are not held by a scraper that could not start', () => {
    const table = new EndpointTable(allocateColumns());
    for (let i = 0; i < MAX_ATTRIBUTES - 1; i++) table.attributes.hold(`other-${i}`, 'somebody');
    expect(() => rig([], { table, settings: withCustom('one', 'two') })).toThrow('no room for attribute "two"');
    expect(table.attribute('one')).toBeUndefined();
  });
});

describe('lists of models', () => {
  const settings: ScraperOptions['settings'] = {
    source: { ...METRICS_SOURCE, type: 'models-data-source', path: '/v1/models' },
    extractor: undefined,
    intervalMs: 50,
    timeoutMs: 200,
    reportMs: 50,
  };

  it('are fetched and kept per endpoint, and what is none is told', async () => {
    const server = await new ModelServer().start();
    const urls = new Set<string | undefined>();
    const models = (...ids: string[]) => JSON.stringify({ data: ids.map((id) => ({ id })) });
    server.answer = ({ url }, response) => {
      urls.add(url);
      response.end(models('llama', 'sql'));
    };
    const { table, reports, log } = rig([server.spec('a')], { settings });
    await until(() => table.models(0) !== undefined);
    expect([table.models(0), [...urls], table.signals.scrapes[0]]).toEqual([
      new Set(['llama', 'sql']),
      ['/v1/models'],
      0,
    ]);
    server.answer = (_, response) => response.end(models('llama'));
    await until(() => table.models(0)?.size === 1);
    server.answer = (_, response) => response.end('{}');
    await until(() => sum(reports, ({ extractErrors }) => extractErrors) > 0);
    server.answer = (_, response) => response.end('oops');
    await until(() => sum(reports, ({ pollErrors }) => pollErrors.malformed) > 2);
    expect(table.models(0)).toEqual(new Set(['llama']));
    expect(log[0]).toMatch(/^warn list of models fails; the last values are kept/);
  });

  it('of a scraper before are forgotten', async () => {
    const server = await new ModelServer().start();
    server.answer = (_, response) => response.end('{"data":[{"id":"llama"}]}');
    const { table, scraper } = rig([server.spec('a')], { settings });
    await until(() => table.models(0) !== undefined);
    await scraper.close();
    rig([server.spec('a')], { table, settings });
    expect(table.models(0)).toBeUndefined();
    await until(() => table.models(0) !== undefined);
  });
});

describe('several ranks in one pod', () => {
  it('are scraped at the port of each', async () => {
    const ranks = [await new ModelServer().start(), await new ModelServer().start()];
    for (const [index, rank] of ranks.entries()) rank.answer = (_, response) => response.end(page(index + 1));
    const { table } = rig(ranks.map((rank, index) => rank.spec(`pod-rank-${index}`)));
    await until(() => table.signals.scrapes[0] > 0 && table.signals.scrapes[1] > 0);
    expect([table.signals.waiting[0], table.signals.waiting[1]]).toEqual([1, 2]);
  });

  it('all read the page at an overriding port', async () => {
    const ranks = [await new ModelServer().start(), await new ModelServer().start()];
    const exporter = await new ModelServer().start();
    exporter.answer = (_, response) => response.end(page(9));
    const { port } = exporter.spec('exporter');
    const { table } = rig(
      ranks.map((rank, index) => rank.spec(`pod-rank-${index}`)),
      { settings: { source: { ...METRICS_SOURCE, port }, extractor: EXTRACTOR, intervalMs: 50 } },
    );
    await until(() => table.signals.scrapes[0] > 0 && table.signals.scrapes[1] > 0);
    expect([table.signals.waiting[0], table.signals.waiting[1]]).toEqual([9, 9]);
    expect(ranks.map(({ requests }) => requests)).toEqual([0, 0]);
  });
});

describe('a server whose page is at another path', () => {
  it('is asked there, when its engine is known for it and the path is the default', async () => {
    const server = await new ModelServer().start();
    server.answer = ({ url }, response) =>
      response.end(url === '/prometheus/metrics' ? 'trtllm_num_requests_waiting 6\n' : '[]');
    const spec = server.spec('a', { 'llm-d.ai/engine-type': 'trtllm-serve' });
    const { table, reports } = rig([spec]);
    await until(() => table.signals.waiting[0] === 6);
    const custom = rig([spec], {
      settings: { source: { ...METRICS_SOURCE, path: '/stats' }, extractor: EXTRACTOR, intervalMs: 50, reportMs: 50 },
    });
    await until(() => sum(custom.reports, ({ extractErrors }) => extractErrors) > 1);
    expect(custom.table.signals.waiting[0]).toBeNaN();
    expect(sum(reports, ({ pollErrors }) => pollErrors.status)).toBe(0);
  });
});

describe('the worker', () => {
  it('is replaced when it crashes; values stay and scraping goes on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'scrape-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    // The real worker, which throws once after it has written something.
    const code = `
      import { existsSync, writeFileSync } from 'node:fs';
      import { workerData } from 'node:worker_threads';
      import { openColumns } from ${JSON.stringify(new URL('../datastore/columns.ts', import.meta.url).href)};
      await import(${JSON.stringify(new URL('./worker.ts', import.meta.url).href)});
      const { scrapes } = openColumns(workerData.task.memory);
      if (!existsSync('${folder}/crashed')) setInterval(() => {
        if (scrapes[0] === 0) return;
        writeFileSync('${folder}/crashed', '');
        throw new Error('struck down');
      }, 1);`;
    writeFileSync(join(folder, 'worker.mjs'), code);
    const server = await new ModelServer().start();
    const restarts: number[] = [];
    const { table, scraper, log } = rig([server.spec('a')], {
      workerUrl: new URL(`file://${folder}/worker.mjs`),
      onRestart: (count) => restarts.push(count),
    });
    await until(() => restarts.length === 1);
    expect(table.signals.waiting[0]).toBe(1);
    // Somebody who joins while there is no worker is not forgotten.
    const other = await new ModelServer().start();
    table.replace([server.spec('a'), other.spec('b')]);
    const scrapes = table.signals.scrapes[0];
    await until(() => table.signals.scrapes[0] > scrapes + 2 && table.signals.scrapes[1] > 2);
    expect(scraper.restarts).toBe(1);
    expect(log[0]).toBe('error scrape worker lost {"cause":"struck down","restarts":1,"pauseMs":100}');
  });

  it('is replaced when it runs out of memory, and takes nothing with it', async () => {
    const code =
      'const kept = []; setInterval(() => { for (let i = 0; i < 100; i++) kept.push(new Array(1000).fill({})); })';
    const { scraper, log } = rig([], {
      workerUrl: new URL(`data:text/javascript,${code}`),
      settings: { source: METRICS_SOURCE, extractor: EXTRACTOR, intervalMs: 50, maxHeapMiB: 20 },
    });
    await until(() => scraper.restarts === 1);
    expect(log[0]).toMatch(/^error scrape worker lost .*reaching memory limit.*"restarts":1,"pauseMs":100/);
  });

  it('is tried again when the machine has no thread for it', async () => {
    const { scraper, log } = rig([], { workerUrl: new URL('ftp://nowhere/worker.mjs') });
    await until(() => scraper.restarts === 2);
    expect(log[0]).toMatch(/^error scrape worker lost .*"restarts":1,"pauseMs":100/);
    await scraper.close();
  });

  it('is replaced when it hangs', async () => {
    const { scraper, log } = rig([], {
      workerUrl: new URL('data:text/javascript,for (;;) {}'),
      settings: { source: METRICS_SOURCE, extractor: EXTRACTOR, intervalMs: 50, silenceMs: 50 },
    });
    await until(() => scraper.restarts === 1);
    expect(log[0]).toBe('error scrape worker lost {"cause":"it was silent","restarts":1,"pauseMs":100}');
  });

  it('is tried again with growing pauses when it cannot even start, until closed', async () => {
    const { scraper, log } = rig([], { workerUrl: new URL('data:text/javascript,throw new Error("no")') });
    await until(() => scraper.restarts === 3);
    await scraper.close();
    expect(log.map((line) => /"pauseMs":(\d+)/.exec(line)?.[1])).toEqual(['100', '200', '400']);
  });

  it('asks nobody after close, which may be called twice', async () => {
    const server = await new ModelServer().start();
    const { table, scraper } = rig([server.spec('a')]);
    await until(() => table.signals.scrapes[0] > 0);
    await scraper.close();
    await scraper.close();
    const asked = server.requests;
    table.replace([server.spec('a'), server.spec('b')]);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(server.requests).toBe(asked);
  });
});

describe('certificates', () => {
  const https = (source: Partial<HttpSourceSettings>) => () =>
    rig([], {
      settings: { source: { ...METRICS_SOURCE, scheme: 'https', ...source }, extractor: EXTRACTOR, intervalMs: 50 },
    });

  it('that cannot be read are a configuration error', () => {
    expect(https({ caCertPath: '/nowhere/ca.pem' })).toThrow(
      'metrics-data-source: caCertPath "/nowhere/ca.pem" cannot be read',
    );
  });

  it('that are none are a configuration error', () => {
    const file = new URL(import.meta.url).pathname;
    expect(https({ clientCertPath: file, clientKeyPath: file })).toThrow('certificates cannot be used');
  });
});
