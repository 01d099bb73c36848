import type { Endpoint, EndpointSpec } from '../../src/core/endpoint.ts';
import { allocateColumns } from '../../src/datastore/columns.ts';
import { EndpointTable } from '../../src/datastore/endpoint-table.ts';

/** The spec of the i-th endpoint of a test pool: `default/vllm-<i>` at `10.0.<i / 250>.<i % 250 + 1>:8000`. */
export function endpointSpec(index: number, changes: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    namespace: 'default',
    name: `vllm-${index}`,
    address: `10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`,
    port: 8000,
    labels: {},
    ...changes,
  };
}

/** A pool of `size` endpoints that were scraped once and are idle; `changes` makes them differ. */
export function idlePool(size: number, changes: (index: number) => Partial<EndpointSpec> = () => ({})): EndpointTable {
  const table = new EndpointTable(allocateColumns());
  table.replace(Array.from({ length: size }, (_, index) => endpointSpec(index, changes(index))));
  for (const slot of table.all) scraped(table, slot, {});
  return table;
}

/** Writes what a good scrape of one slot would. */
export function scraped(
  table: EndpointTable,
  slot: number,
  values: { waiting?: number; running?: number; kvUsage?: number; blockTokens?: number; blockCount?: number },
): void {
  const { signals } = table;
  signals.waiting[slot] = values.waiting ?? 0;
  signals.running[slot] = values.running ?? 0;
  signals.kvUsage[slot] = values.kvUsage ?? 0;
  signals.blockTokens[slot] = values.blockTokens ?? 16;
  signals.blockCount[slot] = values.blockCount ?? 20_000;
  signals.scrapedAtMs[slot] = 1_000_000;
  signals.scrapes[slot]++;
}

/** LoRA adapters at a server; how many fit is unknown where it is not said. */
export interface Adapters {
  readonly active?: readonly string[];
  readonly waiting?: readonly string[];
  readonly maxActive?: number;
}

/** Tells of a slot's LoRA adapters what its metrics page would. */
export function tellLora(
  table: EndpointTable,
  slot: number,
  { active = [], waiting = [], maxActive = Number.NaN }: Adapters,
): void {
  const { generation } = endpointAt(table, slot);
  const value = { active: new Set(active), waiting: new Set(waiting), maxActive };
  table.facts.learn({ about: 'lora', slot, generation, value });
}

export function endpointAt(table: EndpointTable, slot: number): Endpoint {
  const endpoint = table.at(slot);
  if (endpoint === undefined) throw new Error(`slot ${slot} is empty`);
  return endpoint;
}
