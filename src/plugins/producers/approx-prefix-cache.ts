import {
  dataKey,
  PREFIX_MATCH,
  type PrefixMatch,
  type Reader,
  TOKENIZED_PROMPT,
  type TokenizedPrompt,
  type Writer,
} from '../../core/data.ts';
import type { Follower, Hooks } from '../../core/hooks.ts';
import type { Producer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';
import type { Schedule } from '../../core/schedule.ts';
import type { InferenceRequest } from '../../core/request.ts';
import { SlotCounts } from '../../datastore/prefix-counts.ts';
import { type Credit, PrefixCredits } from '../../datastore/prefix-credits.ts';
import { PrefixIndex } from '../../datastore/prefix-index.ts';
import { BlockHashes, hashBlocks, hashSeed } from '../../lib/block-hash.ts';
import { BYTES_PER_TOKEN } from '../../payload/prompt-bytes.ts';
import {
  type ApproxPrefixParameters,
  approxPrefixParameters,
  DEFAULT_BLOCK_TOKENS,
  DEFAULT_CAPACITY,
} from './approx-prefix-parameters.ts';
import { CacheBlocks } from './cache-blocks.ts';

/** The profile whose pick gets the prompt first when prefill and decode are apart; the contract fixes the name. */
const PREFILL = 'prefill';
/** Look-ups kept for reuse, and how many hashes one may hold to be kept. */
const MAX_POOLED = 64;
const MAX_POOLED_HASHES = 16_384;

/**
 * Publishes how much of the prompt each endpoint has cached, as far as it follows from where earlier prompts went. Tokens
 * are hashed in blocks, the model asked of the server and the tenant's salt first, so that neither LoRA adapters nor
 * tenants share (contract 3.5). A pick counts at once; where another endpoint then serves the request, its prompt counts
 * there and no longer where it was sent first.
 */
export const approxPrefixCacheProducer = definePlugin({
  kind: 'producer',
  type: 'approx-prefix-cache-producer',
  stability: 'beta',
  summary: 'Remembers which prompts went where and tells how much of a new one each endpoint has cached.',
  config: approxPrefixParameters,
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
  readonly #config: ApproxPrefixParameters;
  readonly #context: PluginContext;
  readonly #index: PrefixIndex;
  readonly #credits: PrefixCredits;
  readonly #blocks: CacheBlocks;
  readonly #tokens: Reader<TokenizedPrompt>;
  readonly #read: Reader<PrefixMatch>;
  readonly #publish: Writer<PrefixMatch>;
  readonly #pool: Lookup[] = [];

  constructor(config: ApproxPrefixParameters, context: PluginContext) {
    const key = dataKey(PREFIX_MATCH, context.name);
    const { autoTune, blockSizeTokens, blockSize, lruCapacityPerServer } = config;
    const capacity = lruCapacityPerServer > 0 ? lruCapacityPerServer : DEFAULT_CAPACITY;
    const named = blockSizeTokens === DEFAULT_BLOCK_TOKENS && blockSize > 0 ? blockSize : blockSizeTokens;
    this.#config = config;
    this.#context = context;
    this.#index = new PrefixIndex({ defaultCapacity: capacity });
    this.#credits = new PrefixCredits(this.#index);
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
    if (this.#blocks.uneven) this.#roundDown(lookup);
    this.#publish(request, lookup);
  }

  onPicked(request: InferenceRequest, schedule: Schedule): Follower | undefined {
    const lookup = this.#lookupOf(request);
    if (lookup === undefined) return undefined;
    let follower: Follower | undefined;
    const primary = schedule.picks.get(schedule.primary)?.[0];
    const prefill = schedule.picks.get(PREFILL)?.[0];
    if (primary !== undefined) {
      const matched = lookup.blocksBySlot[primary] ?? 0;
      const bytes = matched * lookup.blockTokens * BYTES_PER_TOKEN;
      this.#context.meter.prefixHit(matched / lookup.totalBlocks, bytes);
      follower = this.#follow(this.#credit(primary, lookup), primary, lookup.blockTokens);
    }
    if (prefill !== undefined && prefill !== primary) this.#credit(prefill, lookup);
    this.#release(lookup);
    return follower;
  }

  onEndpointRemoved(slot: number): void {
    this.#credits.forget(slot);
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

  #credit(slot: number, lookup: Lookup): Credit {
    this.#resize(slot, lookup.blockTokens);
    return this.#credits.add(slot, lookup.hashes);
  }

  #resize(slot: number, blockTokens: number): void {
    const capacity = this.#blocks.capacity(slot, blockTokens);
    if (capacity !== this.#index.capacity(slot)) this.#index.setCapacity(slot, capacity);
  }

  /** Waits for the response to say who served; the hashes wait with the credits, in bounded memory. */
  #follow(credit: Credit, slot: number, blockTokens: number): Follower | undefined {
    const picked = this.#context.endpoints.at(slot);
    if (credit.chains === 0 || picked === undefined) return undefined;
    return {
      onResponse: ({ endpoint }) => {
        if (endpoint === picked) return;
        this.#resize(endpoint.slot, blockTokens);
        this.#credits.move(credit, endpoint.slot);
      },
    };
  }

  #roundDown({ counts, blockTokens }: Lookup): void {
    for (let i = 0; i < counts.touchedCount; i++) {
      const slot = counts.touched[i];
      counts.bySlot[slot] = this.#blocks.whole(slot, counts.bySlot[slot], blockTokens);
    }
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
