import { randomInt } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import { openColumns } from '../datastore/columns.ts';
import { seededRandom } from '../lib/random.ts';
import { pageFetcher } from './fetch-page.ts';
import { ScrapeLoop } from './loop.ts';
import type { TargetsMessage, WorkerSettings } from './messages.ts';

// Entry of the scrape thread. It lives until the main thread terminates it.

/** The same clock as the main thread's: hrtime has one origin for all threads of a machine. */
function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function start({ memory, engines, loop: settings, reportMs, path, tls }: WorkerSettings): void {
  const context = tls === undefined ? undefined : createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
  const fetcher = pageFetcher({ path, tls: context && { context, verify: tls?.verify === true } });
  const random = seededRandom(randomInt(2 ** 32));
  const loop = new ScrapeLoop(settings, { columns: openColumns(memory), engines, fetcher, random, nowMs, threadCpuMs });
  let reportedMs = nowMs();
  let timer: NodeJS.Timeout | undefined;

  const turn = (): void => {
    timer = setTimeout(turn, Math.min(reportMs, loop.turn()));
    if (nowMs() - reportedMs < reportMs) return;
    reportedMs = nowMs();
    parentPort?.postMessage(loop.takeReport());
  };
  parentPort?.on('message', ({ added, removed }: TargetsMessage) => {
    for (const { slot, generation } of removed) loop.remove(slot, generation);
    for (const target of added) loop.add(target);
    clearTimeout(timer);
    turn();
  });
  turn();
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only sender is scraper.ts
start(workerData as WorkerSettings);
