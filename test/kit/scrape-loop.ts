import { expect } from 'vitest';
import { allocateColumns, openColumns } from '../../src/datastore/columns.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { BUILT_IN_ENGINES } from '../../src/scrape/engines.ts';
import type { FetchFault, PageConnection, PageFetcher, PageListener } from '../../src/scrape/fetch-page.ts';
import { ScrapeLoop, type LoopSettings } from '../../src/scrape/loop.ts';
import { metricsReaders } from '../../src/scrape/metrics-reader.ts';

const SETTINGS: LoopSettings = { intervalMs: 50, timeoutMs: 1000, cpuBudget: 0.5, maxConcurrent: 256 };
/** A page with everything that is looked for but adapters. */
export const PAGE =
  'vllm:num_requests_waiting 3\nvllm:num_requests_running 4\nvllm:kv_cache_usage_perc 0.5\n' +
  'vllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1\n';

/** A slot whose metrics page does not stand where its requests are served. */
export const UNSERVED = 7;

/** A fetch that somebody has to answer. */
export class Wire implements PageConnection {
  readonly path: string;
  listener: PageListener | undefined;
  asked = 0;
  closed = 0;

  constructor(path: string) {
    this.path = path;
  }

  get(listener: PageListener): void {
    expect(this.listener, 'scrapes of one endpoint must not overlap').toBeUndefined();
    this.asked++;
    this.listener = listener;
  }

  close(): void {
    this.closed++;
    this.listener = undefined;
  }

  answer(page = PAGE): void {
    const { listener } = this;
    this.listener = undefined;
    listener?.page(Buffer.from(page));
  }

  fail(fault: FetchFault = 'connect'): void {
    const { listener } = this;
    this.listener = undefined;
    listener?.failed(fault, 'refused');
  }
}

/** A scrape loop of vLLM servers in a world that only moves by hand. */
export function loopRig(settings: Partial<LoopSettings> = {}, endpoints = 1) {
  const columns = openColumns(allocateColumns());
  const wires: Wire[] = [];
  const fetcher: PageFetcher = {
    open: (_host, _port, path) => {
      const wire = new Wire(path);
      wires.push(wire);
      return wire;
    },
  };
  const time = { nowMs: 1000, cpuMs: 0 };
  const loop = new ScrapeLoop(
    { ...SETTINGS, ...settings },
    {
      readers: metricsReaders(BUILT_IN_ENGINES, {
        columns,
        attributes: new Map(),
        tell() {},
        nowMs: () => time.nowMs,
      }),
      fetcher,
      random: seededRandom(1),
      nowMs: () => time.nowMs,
      threadCpuMs: () => time.cpuMs,
    },
  );
  const add = (slot: number, generation = slot + 1, paths = ['/metrics'], shortPath?: string): void => {
    columns.generation[slot] = generation;
    const serves = slot !== UNSERVED;
    loop.add({ slot, generation, host: '127.0.0.1', port: 1, serves, paths, shortPath, engine: 0 });
  };
  for (let slot = 0; slot < endpoints; slot++) add(slot);
  /** Turns the loop for `ms`, with every wire answered by `reply` between turns. */
  const run = (ms: number, reply: (wire: Wire, index: number) => void = (wire) => wire.answer()): void => {
    const endMs = time.nowMs + ms;
    while (time.nowMs < endMs) {
      const sleepMs = loop.turn();
      expect(sleepMs).toBeGreaterThan(0);
      for (const [index, wire] of wires.entries()) if (wire.listener !== undefined) reply(wire, index);
      time.nowMs = Math.min(endMs, time.nowMs + sleepMs);
    }
  };
  return { loop, columns, wires, time, add, run };
}
