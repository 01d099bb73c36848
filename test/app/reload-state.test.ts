import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { buildCore, type PickerCore } from '../../src/app/core.ts';
import type { Headers } from '../../src/core/headers.ts';
import { type Exchange, NO_METADATA } from '../../src/request/exchange.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { TEST_SETTINGS } from '../kit/picker.ts';
import { endpointSpec, scraped } from '../kit/pool.ts';

let running: PickerCore | undefined;
afterEach(() => running?.close());

const configOf = (plugins: readonly object[]) =>
  readConfig(JSON.stringify({ plugins }), { file: undefined, allowExperimental: false });
const PLUGINS = [{ type: 'prefix-cache-scorer' }, { type: 'inflight-load-producer' }];
const headersOf = (fields: Record<string, string>): Headers => ({ get: (name) => fields[name] });

async function setup() {
  const metrics = new Metrics({ processMetrics: false });
  const core = buildCore(configOf(PLUGINS), TEST_SETTINGS, metrics, createLog('silent'));
  running = core;
  core.table.replace([0, 1].map((index) => endpointSpec(index)));
  for (const slot of core.table.all) scraped(core.table, slot, {});
  const matches: number[] = [];
  core.decisionListener = ({ scores }) => void matches.push(scores[0].value);
  return {
    core,
    matches,
    send(): Exchange {
      const exchange = core.director.open(headersOf({ ':path': '/v1/completions' }));
      const body = JSON.stringify({ model: 'm', prompt: 'a'.repeat(1024) });
      void exchange.decide([Buffer.from(body)], NO_METADATA);
      return exchange;
    },
    /** Requests and blocks told on the page, of every producer. */
    async page(): Promise<[requests: number[], blocks: number[]]> {
      const lines = (await metrics.registry.metrics()).split('\n');
      const values = (name: string): number[] =>
        lines.filter((line) => line.startsWith(`llm_d_epp_${name}{`)).map((line) => Number(line.split(' ').at(-1)));
      return [values('inflight_requests'), values('prefix_indexer_size')];
    },
  };
}

describe('a configuration that changes while requests are under way', () => {
  it('keeps load and prefixes of producers it did not touch', async () => {
    const { core, matches, send, page } = await setup();
    const exchange = send();
    expect(await page()).toEqual([[1], [4]]);
    core.apply(configOf([...PLUGINS, { type: 'queue-scorer' }]));
    expect(await page()).toEqual([[1], [4]]);
    const next = send();
    expect(matches).toEqual([0, 1]);
    exchange.end('complete');
    next.end('complete');
    expect(await page()).toEqual([[], [4]]);
  });

  it('begins anew with a producer that changed, and loses nothing to what the old one ends', async () => {
    const { core, send, page } = await setup();
    const exchange = send();
    const load = { type: 'inflight-load-producer', parameters: { addEstimatedOutputTokens: true } };
    const prefixes = { type: 'approx-prefix-cache-producer', parameters: { lruCapacityPerServer: 100 } };
    core.apply(configOf([PLUGINS[0], load, prefixes]));
    expect(await page()).toEqual([[], [0]]);
    const next = send();
    exchange.responseHeaders(headersOf({ ':status': '200' }), NO_METADATA);
    exchange.end('complete');
    expect(await page()).toEqual([[1], [4]]);
    next.end('complete');
    expect(await page()).toEqual([[], [4]]);
  });
});
