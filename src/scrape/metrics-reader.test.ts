import { describe, expect, it } from 'vitest';
import { allocateColumns, openColumns } from '../datastore/columns.ts';
import type { EndpointFact } from '../datastore/endpoint-facts.ts';
import { mergeEngines } from './engine-configs.ts';
import { metricsReaders } from './metrics-reader.ts';

const LOAD = 'vllm:num_requests_waiting 3\nvllm:num_requests_running 4\nvllm:kv_cache_usage_perc 0.5\n';
const ENGINES = mergeEngines([
  {
    name: 'mine',
    customMetrics: [
      { attributeKey: 'depth', metricSpec: 'depth' },
      { attributeKey: 'heat', metricSpec: 'heat' },
    ],
  },
]);

function rig(engine = 'vllm', slot = 0) {
  const columns = openColumns(allocateColumns());
  const attributes = new Map(['heat', 'depth'].map((key) => [key, new Float64Array(4).fill(-1)]));
  const told: EndpointFact[] = [];
  columns.generation[slot] = 5;
  const target = { slot, generation: 5, host: 'h', port: 1, serves: true, paths: ['/metrics'], shortPath: undefined };
  const reader = metricsReaders(ENGINES, { columns, attributes, tell: (fact) => told.push(fact), nowMs: () => 77 })({
    ...target,
    engine: ENGINES.findIndex(({ name }) => name === engine),
  });
  const read = (page: string, leastNames = 0) => reader.read(Buffer.from(page), leastNames);
  return { columns, attributes, told, read };
}

const info = (adapters: string, value: number): string =>
  `vllm:lora_requests_info{max_lora="4",running_lora_adapters="${adapters}",waiting_lora_adapters=""} ${value}\n`;

describe('attributes', () => {
  it('go to the column of their key, in whatever order the columns come', () => {
    const { attributes, columns, read } = rig('mine', 2);
    expect(read('depth 3\nheat -4\n')).toEqual({ good: true, names: 2 });
    expect([attributes.get('depth'), attributes.get('heat')]).toEqual([
      Float64Array.of(-1, -1, 3, -1),
      Float64Array.of(-1, -1, -4, -1),
    ]);
    expect([columns.scrapes[2], columns.scrapedAtMs[2], columns.waiting[2]]).toEqual([1, 77, Number.NaN]);
    expect(read('depth 5\n')).toEqual({ good: true, names: 1, trouble: 'not on the page, or not usable: heat' });
    expect([attributes.get('depth')?.[2], attributes.get('heat')?.[2]]).toEqual([5, Number.NaN]);
  });

  it('are unknown where the engine does not have them', () => {
    const { attributes, read } = rig('vllm');
    read(LOAD);
    expect([attributes.get('depth')?.[0], attributes.get('heat')?.[0]]).toEqual([Number.NaN, Number.NaN]);
  });

  it('stay when a page is none', () => {
    const { attributes, read } = rig('mine');
    const trouble = 'not on the page, or not usable: depth, heat';
    expect(read('<html>\n')).toEqual({ good: false, names: 0, trouble });
    expect(attributes.get('depth')?.[0]).toBe(-1);
  });

  it('are not written for the next tenant of the slot', () => {
    const { attributes, columns, read, told } = rig('mine');
    columns.generation[0] = 6;
    expect(read('depth 3\nheat -4\n').good).toBe(true);
    expect([attributes.get('depth')?.[0], columns.scrapes[0], told]).toEqual([-1, 0, []]);
  });
});

describe('adapters', () => {
  it('are told with the first page, none included, and then when they change', () => {
    const { told, read } = rig();
    const values = (): unknown[] =>
      told.map((fact) => (fact.about === 'lora' && fact.value ? [...fact.value.active] : undefined));
    read(LOAD);
    expect(values()).toEqual([undefined]);
    read(LOAD);
    read(LOAD + info('a', 1));
    read(LOAD + info('a', 1) + info('a', 2));
    read(LOAD + info('a', 2) + info('a,b', 3));
    read(LOAD);
    expect(values()).toEqual([undefined, ['a'], ['a', 'b'], undefined]);
    expect(told[1]).toEqual({
      slot: 0,
      generation: 5,
      about: 'lora',
      value: { active: new Set(['a']), waiting: new Set(), maxActive: 4 },
    });
  });

  it('are told by servers that have any', () => {
    const { told, read } = rig('sglang');
    read('sglang:num_queue_reqs 1\n');
    expect(told).toEqual([]);
  });

  it('stay as they were when a page is none', () => {
    const { told, read } = rig();
    read(LOAD + info('a', 1));
    read(info('b', 2));
    expect(told).toHaveLength(1);
  });
});
