import type { PluginKind } from '../../src/core/kinds.ts';
import type { PluginDefinition, PluginInstance } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { headersOf } from '../kit/headers.ts';
import { type Adapters, idlePool, scraped, tellLora } from '../kit/pool.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';
import { type Said, stock } from '../kit/stock.ts';

/** What is the case at one endpoint; idle, empty and without labels where nothing is said. */
export interface Fact {
  readonly waiting?: number;
  readonly running?: number;
  readonly kvUsage?: number;
  /** In flight, as the picker counts. */
  readonly requests?: number;
  readonly tokens?: number;
  /** Tokens of the request that are not cached there. */
  readonly uncached?: number;
  /** Blocks of the prompt cached there. */
  readonly blocks?: number;
  /** Media of the request encoded there. */
  readonly items?: number;
  /** LoRA adapters, where the server tells of any. */
  readonly lora?: Adapters;
  readonly labels?: Record<string, string>;
  readonly address?: string;
  readonly port?: number;
}

/** What is known about the request besides. */
export interface About {
  /** Blocks of the prompt, where it was looked up, and tokens of each. */
  readonly totalBlocks?: number;
  readonly blockTokens?: number;
  readonly totalItems?: number;
  readonly tokens?: number;
  /** Index of the endpoint that the stage before picked. */
  readonly peer?: number;
  readonly headers?: Record<string, string>;
}

export interface Stage<K extends PluginKind> {
  readonly plugin: PluginInstance<K>;
  readonly pool: EndpointTable;
  readonly request: InferenceRequest;
}

/** A plugin over endpoints about which the facts are the case. */
export function staged<K extends PluginKind>(
  definition: PluginDefinition<K>,
  parameters: object | undefined,
  facts: readonly Fact[],
  about: About = {},
): Stage<K> {
  const pool = idlePool(facts.length, (index) => {
    const { labels, address, port } = facts[index];
    return { ...(labels && { labels }), ...(address && { address }), ...(port && { port }) };
  });
  const { board, load, tell } = stock(pool);
  for (const [slot, fact] of facts.entries()) {
    scraped(pool, slot, fact);
    if (fact.lora !== undefined) tellLora(pool, slot, fact.lora);
    load.requestsBySlot[slot] = fact.requests ?? 0;
    load.tokensBySlot[slot] = fact.tokens ?? 0;
  }
  const request = tell(inferenceRequest({ headers: headersOf(about.headers ?? {}) }), saidOf(facts, about));
  return { plugin: create(definition, parameters, pluginContext({ endpoints: pool }, board)), pool, request };
}

function saidOf(facts: readonly Fact[], { totalBlocks, blockTokens, totalItems, tokens, peer }: About): Said {
  const blocksBySlot = Uint32Array.from(facts, ({ blocks }) => blocks ?? 0);
  const itemsBySlot = Uint32Array.from(facts, ({ items }) => items ?? 0);
  return {
    match: totalBlocks === undefined ? undefined : { blocksBySlot, totalBlocks, blockTokens: blockTokens ?? 64 },
    media: totalItems === undefined ? undefined : { itemsBySlot, totalItems },
    tokens,
    peer,
    uncached: facts.map(({ uncached }) => uncached ?? 0),
  };
}

/** A thousand of something. */
export function thousand<T>(each: (i: number) => T): T[] {
  return Array.from({ length: 1000 }, (_, i) => each(i));
}

/** An endpoint that is labelled with these places. */
export function place(hostname: string, rack?: string, zone?: string, region?: string): Fact {
  const further = Object.entries({ rack, zone, region }).map(([level, name]) => [
    `topology.kubernetes.io/${level}`,
    name,
  ]);
  const known = [['kubernetes.io/hostname', hostname], ...further].filter(([, name]) => name !== undefined);
  return { labels: Object.fromEntries(known) as Record<string, string> };
}
