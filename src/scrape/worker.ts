import { randomInt } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import { openColumns } from '../datastore/columns.ts';
import type { EndpointFact } from '../datastore/endpoint-facts.ts';
import { seededRandom } from '../lib/random.ts';
import { pageFetcher } from './fetch-page.ts';
import { ScrapeLoop, type Target } from './loop.ts';
import type { ReadTask, TargetsMessage, WorkerMessage, WorkerSettings } from './messages.ts';
import { metricsReaders } from './metrics-reader.ts';
import { modelsReaders } from './models-reader.ts';
import type { PageReader } from './page-reader.ts';

// Entry of the scrape thread. It lives until the main thread terminates it.

/** Facts are gathered for so long and told together: adapters come and go with every request. */
const FACTS_MS = 5;

/** The same clock as the main thread's: hrtime has one origin for all threads of a machine. */
function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

const untold = new Map<number, EndpointFact>();

/** A task tells one kind of fact, so of one endpoint only the newest is worth telling. */
function tell(fact: EndpointFact): void {
  if (untold.size === 0) {
    setTimeout(() => {
      post({ kind: 'facts', facts: [...untold.values()] });
      untold.clear();
    }, FACTS_MS);
  }
  untold.set(fact.slot, fact);
}

function readersOf(task: ReadTask): (target: Target) => PageReader {
  if (task.kind === 'models') return modelsReaders(tell);
  const attributes = Array.from(task.attributes, ([key, memory]) => [key, new Float64Array(memory)] as const);
  return metricsReaders(task.engines, {
    columns: openColumns(task.memory),
    attributes: new Map(attributes),
    tell,
    nowMs,
  });
}

function start({ task, loop: settings, reportMs, tls }: WorkerSettings): void {
  const context = tls === undefined ? undefined : createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
  const fetcher = pageFetcher({ tls: context && { context, verify: tls?.verify === true } });
  const random = seededRandom(randomInt(2 ** 32));
  const loop = new ScrapeLoop(settings, { readers: readersOf(task), fetcher, random, nowMs, threadCpuMs });
  let reportedMs = nowMs();
  let timer: NodeJS.Timeout | undefined;

  const turn = (): void => {
    timer = setTimeout(turn, Math.min(reportMs, loop.turn()));
    if (nowMs() - reportedMs < reportMs) return;
    reportedMs = nowMs();
    post(loop.takeReport());
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
