import * as v from 'valibot';
import {
  dataKey,
  PREFIX_MATCH,
  type PrefixMatch,
  type Reader,
  TOKENIZED_PROMPT,
  type TokenizedPrompt,
  type Writer,
} from '../../core/data.ts';
import type { Hooks } from '../../core/hooks.ts';
import type { Producer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';
import type { Schedule } from '../../core/schedule.ts';
import type { InferenceRequest } from '../../core/request.ts';
import { SlotCounts } from '../../datastore/prefix-counts.ts';
import { PrefixIndex } from '../../datastore/prefix-index.ts';
import { BlockHashes, hashBlocks, hashSeed } from '../../lib/block-hash.ts';
import { BYTES_PER_TOKEN } from '../../payload/prompt-bytes.ts';
import { CacheBlocks } from './cache-blocks.ts';

/** The profile whose pick gets the prompt first when prefill and decode are apart; the contract fixes the name. */
const PREFILL = 'prefill';
const DEFAULT_BLOCK_TOKENS = 16;
const DEFAULT_CAPACITY = 31_250;
/** Look-ups kept for reuse, and how many hashes one may hold to be kept. */
const MAX_POOLED = 64;
const MAX_POOLED_HASHES = 16_384;

const wholeNumber = v.pipe(v.number(), v.integer());

const parameters = v.pipe(
  v.strictObject({
    autoTune: v.optional(
      v.pipe(v.boolean(), v.description('Take block size and capacity from what the servers report.')),
      true,
    ),
    blockSizeTokens: v.optional(
      v.pipe(wholeNumber, v.description('Tokens per block when the servers report none; at least 64 are used.')),
      DEFAULT_BLOCK_TOKENS,
    ),
    blockSize: v.optional(v.pipe(wholeNumber, v.description('Deprecated name of blockSizeTokens.')), 0),
    maxPrefixBlocksToMatch: v.optional(
      v.pipe(wholeNumber, v.description('Deprecated: blocks per request when maxPrefixTokensToMatch is 0.')),
      2048,
    ),
    maxPrefixTokensToMatch: v.optional(
      v.pipe(
        wholeNumber,
        v.minValue(0, 'must not be negative'),
        v.description('Tokens of a request that are looked at.'),
      ),
      131_072,
    ),
    lruCapacityPerServer: v.optional(
      v.pipe(wholeNumber, v.description('Blocks remembered per endpoint when its server does not report its cache.')),
      DEFAULT_CAPACITY,
    ),
  }),
  v.forward(
    v.check(({ autoTune, blockSizeTokens }) => autoTune || blockSizeTokens > 0, 'must be above 0 when autoTune is off'),
    ['blockSizeTokens'],
  ),
);

type Parameters = v.InferOutput<typeof parameters>;

/** Publishes how much of the prompt each endpoint has cached, as far as earlier picks tell. */
export const approxPrefixCacheProducer = definePlugin({
  kind: 'producer',
  type: 'approx-prefix-cache-producer',
  stability: 'beta',
  summary: 'Remembers which prompts went where and tells how much of a new one each endpoint has cached.',
  config: parameters,
  consumes: () => [dataKey(TOKENIZED_PROMPT)],
  produces: (_config, name) => [dataKey(PREFIX_MATCH, name)],
  create: (config, context) => new ApproxPrefixCache(config, context),
});

/**
 * What was found for one request, with the hashes to credit once it is picked. Reused, so it belongs to a request
 * only until the pick has been told to everybody; a request that is never picked leaves it to the garbage collector.
 */
class Lookup implements PrefixMatch {
  readonly hashes = new BlockHashes();
  readonly counts = new SlotCounts();
  /** The request this is about; undefined when it is free. */
  owner: InferenceRequest | undefined;
  blockTokens = 0;

  get blocksBySlot(): Uint32Array {
    return this.counts.bySlot;
  }

  get totalBlocks(): number {
    return this.hashes.count;
  }
}

class ApproxPrefixCache implements Producer, Hooks {
  readonly close: () => void;
  readonly #config: Parameters;
  readonly #context: PluginContext;
  readonly #index: PrefixIndex;
  readonly #blocks: CacheBlocks;
  readonly #tokens: Reader<TokenizedPrompt>;
  readonly #read: Reader<PrefixMatch>;
  readonly #publish: Writer<PrefixMatch>;
  readonly #pool: Lookup[] = [];

  constructor(config: Parameters, context: PluginContext) {
    const key = dataKey(PREFIX_MATCH, context.name);
    const { autoTune, blockSizeTokens, blockSize, lruCapacityPerServer } = config;
    const capacity = lruCapacityPerServer > 0 ? lruCapacityPerServer : DEFAULT_CAPACITY;
    const named = blockSizeTokens === DEFAULT_BLOCK_TOKENS && blockSize > 0 ? blockSize : blockSizeTokens;
    this.#config = config;
    this.#context = context;
    this.#index = new PrefixIndex({ defaultCapacity: capacity });
    this.#blocks = new CacheBlocks(context.endpoints, context.clock, {
      autoTune,
      blockTokens: named > 0 ? named : DEFAULT_BLOCK_TOKENS,
      capacity,
    });
    this.#tokens = context.read(dataKey(TOKENIZED_PROMPT));
    this.#read = context.read(key);
    this.#publish = context.write(key);
    this.close = context.meter.prefixIndexSize(() => this.#index.totalBlocks);
  }

  produce(request: InferenceRequest): void {
    const tokens = this.#tokens(request);
    if (tokens === undefined) return;
    const lookup = this.#lookupOf(request) ?? this.#pool.pop() ?? new Lookup();
    this.#hash(lookup, tokens.prompts, request);
    if (lookup.totalBlocks === 0) {
      this.#release(lookup);
      return;
    }
    lookup.owner = request;
    lookup.counts.clear();
    lookup.counts.fit((this.#context.endpoints.all.at(-1) ?? 0) + 1);
    this.#index.match(lookup.hashes, lookup.counts);
    this.#publish(request, lookup);
  }

  onPicked(request: InferenceRequest, schedule: Schedule): void {
    const lookup = this.#lookupOf(request);
    if (lookup === undefined) return;
    const primary = schedule.picks.get(schedule.primary)?.[0];
    const prefill = schedule.picks.get(PREFILL)?.[0];
    if (primary !== undefined) {
      const matched = lookup.blocksBySlot[primary] ?? 0;
      const bytes = matched * lookup.blockTokens * BYTES_PER_TOKEN;
      this.#context.meter.prefixHit(matched / lookup.totalBlocks, bytes);
      this.#credit(primary, lookup);
    }
    if (prefill !== undefined && prefill !== primary) this.#credit(prefill, lookup);
    this.#release(lookup);
  }

  onEndpointRemoved(slot: number): void {
    this.#index.removeEndpoint(slot);
  }

  /** Every prompt is its own chain; all of them share the request's limit, so that its cost is bounded. */
  #hash(lookup: Lookup, prompts: readonly Uint8Array[], request: InferenceRequest): void {
    lookup.hashes.clear();
    lookup.blockTokens = this.#blocks.tokens();
    const blockBytes = lookup.blockTokens * BYTES_PER_TOKEN;
    const seed = hashSeed(request.targetModel, request.body?.cacheSalt ?? '');
    let left = this.#maxBlocks(lookup.blockTokens);
    for (const prompt of prompts) {
      left -= hashBlocks(prompt, blockBytes, seed, lookup.hashes, left);
      if (left <= 0) break;
    }
  }

  #maxBlocks(blockTokens: number): number {
    const { maxPrefixTokensToMatch: tokens, maxPrefixBlocksToMatch: blocks } = this.#config;
    if (tokens > 0) return Math.max(1, Math.floor(tokens / blockTokens));
    return blocks > 0 ? blocks : Number.POSITIVE_INFINITY;
  }

  #credit(slot: number, lookup: Lookup): void {
    const capacity = this.#blocks.capacity(slot, lookup.blockTokens);
    if (capacity !== this.#index.capacity(slot)) this.#index.setCapacity(slot, capacity);
    this.#index.add(slot, lookup.hashes);
  }

  /** This request's own look-up, not one that has moved on to another request. */
  #lookupOf(request: InferenceRequest): Lookup | undefined {
    const match = this.#read(request);
    return match instanceof Lookup && match.owner === request ? match : undefined;
  }

  /** Others may still read the match in this same turn, so it is cleared when it is taken again. */
  #release(lookup: Lookup): void {
    lookup.owner = undefined;
    const small = lookup.hashes.lo.length <= MAX_POOLED_HASHES;
    if (small && this.#pool.length < MAX_POOLED) this.#pool.push(lookup);
  }
}
