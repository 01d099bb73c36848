import diagnostics from 'node:diagnostics_channel';
import { getHeapStatistics } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import { startModelServer } from '../../src/simulator/model-server.ts';
import { eventually } from '../kit/eventually.ts';
import { startTestPicker, type TestPicker } from '../kit/picker.ts';

const open: { stop(): unknown }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

/** A picker with one server and a gateway, and a way to ask. */
async function setUp(): Promise<{ readonly picker: TestPicker; ask(): Promise<number> }> {
  const server = await startModelServer({ name: 'pod-0', model: 'm', seed: 1, speedUp: 20 });
  open.push({ stop: () => server.close() });
  const picker = await startTestPicker([server.port]);
  open.push(picker);
  const gateway = await startEmbeddedGateway({ picker: { address: '127.0.0.1', port: picker.grpcPort, tls: false } });
  open.push(gateway);
  await picker.scraped();
  const ask = async (): Promise<number> => {
    const answer = await fetch(`${gateway.url}/v1/models`);
    await answer.text();
    return answer.status;
  };
  return { picker, ask };
}

async function valueOf(picker: TestPicker, series: string): Promise<number> {
  const line = (await picker.metrics()).find((text) => text.startsWith(`llm_d_epp_${series} `));
  return Number(line?.split(' ').at(-1));
}

describe('a picker in trouble', () => {
  it('goes on picking while its scrape worker is dead, and has another one soon', async () => {
    const workers: Worker[] = [];
    const onWorker = (started: unknown): void => void workers.push((started as { readonly worker: Worker }).worker);
    diagnostics.subscribe('worker_threads', onWorker);
    open.push({ stop: () => diagnostics.unsubscribe('worker_threads', onWorker) });
    const { picker, ask } = await setUp();
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(await ask()).toBe(200);
    await eventually('the restart was counted', async () => (await valueOf(picker, 'scraper_restarts_total')) === 1);
    const scrapes = picker.table.signals.scrapes[0];
    await eventually('scraping goes on', () => picker.table.signals.scrapes[0] > scrapes + 1);
    expect(await ask()).toBe(200);
    expect(picker.logged.filter(({ msg }) => msg === 'scrape worker lost')).toHaveLength(1);
  });

  it('counts and tells that nobody was served', async () => {
    const { picker } = await setUp();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    await eventually(
      'the stall was counted',
      async () => (await valueOf(picker, 'event_loop_stall_seconds_count')) > 0,
    );
    expect(picker.logged.map(({ msg }) => msg)).toContain('the event loop stood still; nobody was served meanwhile');
    expect(await valueOf(picker, 'memory_limit_bytes{kind="heap"}')).toBe(getHeapStatistics().heap_size_limit);
  });
});

describe('a wall clock that jumps', () => {
  it.each([-365, 365])('by %s days changes nothing', async (days) => {
    const { picker, ask } = await setUp();
    expect(await ask()).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * 86_400_000 });
    open.push({ stop: () => vi.useRealTimers() });
    expect(await ask()).toBe(200);
    await eventually('the books are empty', () => picker.table.books.total === 0);
    const scrapes = picker.table.signals.scrapes[0];
    await eventually('scraping goes on', () => picker.table.signals.scrapes[0] > scrapes + 1);
    // Gauges leave out what is stale, and durations come from the same clock.
    expect(await valueOf(picker, 'average_queue_size{name="test"}')).toBe(0);
    const [seconds] = (await picker.metrics()).flatMap((line) => {
      const match = /^llm_d_epp_request_duration_seconds_sum\{.*\} (\S+)$/.exec(line);
      return match === null ? [] : [Number(match[1])];
    });
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(3600);
    expect(await valueOf(picker, 'scraper_restarts_total')).toBe(0);
  });
});
