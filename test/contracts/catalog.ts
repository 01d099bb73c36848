import fc from 'fast-check';
import type { PluginKind } from '../../src/core/kinds.ts';
import { hasRole, type PluginDefinition, type PluginInstance } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { headersOf } from '../kit/headers.ts';
import { type Adapters, idlePool, scraped, tellLora } from '../kit/pool.ts';
import { create, inferenceRequest, inRole, pluginContext } from '../kit/plugins.ts';
import { SAMPLE_PARAMETERS } from '../kit/sample-parameters.ts';
import { stock } from '../kit/stock.ts';

/** Definitions of the catalog whose instances have the method of `kind`, as plugins of that kind. */
export function withRole<K extends PluginKind>(kind: K): readonly PluginDefinition<K>[] {
  return PLUGINS.filter((definition) => hasRole(definition, kind)).map((definition) => inRole(definition, kind));
}

/** What may be the case at an endpoint, unknown and nonsense included. */
export interface Fact {
  readonly waiting: number;
  readonly running: number;
  readonly kvUsage: number;
  readonly requests: number;
  readonly tokens: number;
  readonly blocks: number;
  readonly items: number;
  readonly lora: Adapters | undefined;
  readonly labels: Record<string, string>;
}

const count = fc.oneof(fc.constant(0), fc.nat(1000));
const signal = fc.oneof(fc.constant(Number.NaN), count);

export const anyFact: fc.Arbitrary<Fact> = fc.record({
  waiting: signal,
  running: signal,
  kvUsage: fc.oneof(fc.constant(Number.NaN), fc.double({ min: 0, max: 1, noNaN: true })),
  requests: count,
  tokens: fc.oneof(fc.constant(0), fc.nat(10_000_000)),
  blocks: fc.nat(10),
  items: fc.nat(3),
  lora: fc.option(
    fc.record({
      active: fc.subarray(['m', 'a', 'b']),
      waiting: fc.subarray(['m', 'a', 'c']),
      maxActive: fc.oneof(fc.constant(Number.NaN), fc.nat(4)),
    }),
    { nil: undefined },
  ),
  labels: fc.record(
    {
      'llm-d.ai/role': fc.constantFrom('decode', 'prefill', 'encode', 'both', 'other', ''),
      'llm-d.ai/context-length-range': fc.constantFrom('0-100', '50-50', '200-100000', '9-1', 'bad', ''),
      tier: fc.constantFrom('gold', 'tin'),
      'kubernetes.io/hostname': fc.constantFrom('h1', 'h2', ''),
      'topology.kubernetes.io/zone': fc.constantFrom('z1', 'z2'),
    },
    { requiredKeys: [] },
  ),
});

/** A plugin of the catalog over a pool in which the facts are the case, and a request all is known about. */
export interface Rig<K extends PluginKind> {
  readonly pool: EndpointTable;
  readonly plugin: PluginInstance<K>;
  readonly request: InferenceRequest;
  /** The same without a body, and nothing known about it. */
  readonly bare: InferenceRequest;
}

export function rigOf<K extends PluginKind>(definition: PluginDefinition<K>, facts: readonly Fact[]): Rig<K> {
  const pool = idlePool(facts.length, (index) => ({ labels: facts[index].labels }));
  const { board, load, tell } = stock(pool);
  for (const [slot, fact] of facts.entries()) {
    scraped(pool, slot, fact);
    if (fact.lora !== undefined) tellLora(pool, slot, fact.lora);
    load.requestsBySlot[slot] = fact.requests;
    load.tokensBySlot[slot] = fact.tokens;
  }
  const context = pluginContext({ name: definition.type, endpoints: pool }, board);
  const headers = headersOf({ 'x-tier': 'gold', 'test-epp-endpoint-selection': '10.0.0.1,10.0.0.3:8000,[fd00::1]' });
  const request = tell(inferenceRequest({ headers }), {
    match: { blocksBySlot: Uint32Array.from(facts, ({ blocks }) => blocks), totalBlocks: 10 },
    media: { itemsBySlot: Uint32Array.from(facts, ({ items }) => items), totalItems: 3 },
    tokens: 60,
    uncached: facts.map(({ tokens }) => tokens / 2),
    peer: 0,
  });
  const bare = inferenceRequest({ body: undefined });
  return { pool, plugin: create(definition, SAMPLE_PARAMETERS[definition.type], context), request, bare };
}
