import * as v from 'valibot';
import {
  dataKey,
  INFLIGHT_LOAD,
  type PrefixMatch,
  prefixMatchKey,
  type Reader,
  TOKENIZED_PROMPT,
  type TokenizedPrompt,
  UNCACHED_TOKENS,
  type UncachedTokens,
  type Writer,
} from '../../core/data.ts';
import type { Follower, Hooks, ResponseHead } from '../../core/hooks.ts';
import type { Producer } from '../../core/kinds.ts';
import { definePlugin, type InflightShare, type PluginContext } from '../../core/plugin.ts';
import type { InferenceRequest } from '../../core/request.ts';
import type { Schedule } from '../../core/schedule.ts';
import { InflightBooks, type InflightEntry } from './inflight-books.ts';

/** The profile whose endpoint is done when the answer begins; the contract fixes the name. */
const PREFILL = 'prefill';

const parameters = v.strictObject({
  addEstimatedOutputTokens: v.optional(
    v.pipe(v.boolean(), v.description('Count the tokens that will be generated too, as far as can be guessed.')),
    false,
  ),
  outputRatio: v.optional(
    v.pipe(
      v.number(),
      v.finite(),
      v.minValue(0, 'must not be negative'),
      v.description('Tokens guessed to be generated for each of the prompt.'),
    ),
    1.5,
  ),
  maxEstimatedOutputTokens: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0, 'must not be negative'),
      v.description('Most tokens guessed to be generated; no limit when absent.'),
    ),
  ),
  prefixMatchInfoProducerName: v.optional(
    v.pipe(v.string(), v.description('Producer that tells what is cached; empty means the approximate one.')),
    '',
  ),
  syncCrossReplicaState: v.optional(
    v.pipe(v.boolean(), v.description('Taken, without effect: replicas do not share their load.')),
    true,
  ),
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Counts requests and tokens sent to each endpoint and not ended. A request's tokens at an endpoint are those it has not
 * cached: max(0, (total - match) x block) + max(0, n - total x block) of a prompt of n tokens, n where no match is
 * known; with estimated output, + min(round(ratio x n), the client's limit, the configured one). Source: contract 3.5.
 *
 * The first endpoint of every profile is charged at the pick. When the answer begins its prompt is worked off: then
 * prefill's share ends, and everybody's tokens unless they include output. The stream's end ends the rest. Where another
 * endpoint serves, the load is there.
 */
export const inflightLoadProducer = definePlugin({
  kind: 'producer',
  type: 'inflight-load-producer',
  stability: 'beta',
  summary: 'Counts the requests and tokens each endpoint has been sent and has not ended.',
  config: parameters,
  consumes: (config) => [dataKey(TOKENIZED_PROMPT), prefixMatchKey(config)],
  produces: (_config, name) => [dataKey(INFLIGHT_LOAD, name), dataKey(UNCACHED_TOKENS, name)],
  create: (config, context) => new InflightLoadProducer(config, context),
});

class InflightLoadProducer implements Producer, Hooks {
  readonly close: () => void;
  readonly #config: Parameters;
  readonly #endpoints: PluginContext['endpoints'];
  readonly #books: InflightBooks;
  readonly #live = new Set<InflightRequest>();
  readonly #tokens: Reader<TokenizedPrompt>;
  readonly #match: Reader<PrefixMatch>;
  readonly #read: Reader<UncachedTokens>;
  readonly #publish: Writer<UncachedTokens>;

  constructor(config: Parameters, context: PluginContext) {
    const key = dataKey(UNCACHED_TOKENS, context.name);
    this.#config = config;
    this.#endpoints = context.endpoints;
    this.#books = new InflightBooks(context.endpoints);
    this.#tokens = context.read(dataKey(TOKENIZED_PROMPT));
    this.#match = context.read(prefixMatchKey(config));
    this.#read = context.read(key);
    this.#publish = context.write(key);
    context.share(dataKey(INFLIGHT_LOAD, context.name), this.#books);
    this.close = context.meter.inflight(() => this.#shares());
  }

  produce(request: InferenceRequest): void {
    const prompt = this.#tokens(request);
    if (prompt === undefined) return;
    const output = this.#config.addEstimatedOutputTokens ? this.#outputOf(request, prompt.tokens) : 0;
    this.#publish(request, new RequestTokens(prompt.tokens, output, this.#match(request)));
  }

  onPicked(request: InferenceRequest, schedule: Schedule): Follower {
    const { addEstimatedOutputTokens: outputCounts } = this.#config;
    const uncached = this.#read(request);
    const follower = new InflightRequest(request, outputCounts, this.#books, this.#live);
    for (const [profile, slots] of schedule.picks) {
      const endpoint = slots.length === 0 ? undefined : this.#endpoints.at(slots[0]);
      if (endpoint === undefined) continue;
      const entry = this.#books.enter(endpoint, uncached?.at(endpoint.slot) ?? 0);
      follower.add(entry, profile === schedule.primary, profile === PREFILL);
    }
    return follower;
  }

  onEndpointRemoved(slot: number): void {
    this.#books.clear(slot);
  }

  #outputOf({ body }: InferenceRequest, tokens: number): number {
    const { outputRatio, maxEstimatedOutputTokens: most = Number.POSITIVE_INFINITY } = this.#config;
    return Math.min(Math.round(tokens * outputRatio), body?.maxOutputTokens ?? Number.POSITIVE_INFINITY, most);
  }

  *#shares(): Generator<InflightShare> {
    for (const request of this.#live) yield* request.shares();
  }
}

/** What a request costs each endpoint. */
class RequestTokens implements UncachedTokens {
  readonly #prompt: number;
  readonly #output: number;
  readonly #match: PrefixMatch | undefined;

  constructor(prompt: number, output: number, match: PrefixMatch | undefined) {
    this.#prompt = prompt;
    this.#output = output;
    this.#match = match;
  }

  at(slot: number): number {
    return this.#promptAt(slot) + this.#output;
  }

  #promptAt(slot: number): number {
    if (this.#match === undefined) return this.#prompt;
    const { blocksBySlot, totalBlocks, blockTokens } = this.#match;
    // An endpoint that joined after the look-up is beyond the array.
    const matched = slot < blocksBySlot.length ? blocksBySlot[slot] : 0;
    return Math.max(0, totalBlocks - matched) * blockTokens + Math.max(0, this.#prompt - totalBlocks * blockTokens);
  }
}

/** Follows a request and lets go of what it was entered for, each part once. */
class InflightRequest implements Follower {
  readonly #fairnessId: string;
  readonly #priority: number;
  readonly #outputCounts: boolean;
  readonly #books: InflightBooks;
  readonly #live: Set<InflightRequest>;
  readonly #entries: InflightEntry[] = [];
  #primary: InflightEntry | undefined;
  #prefill: InflightEntry | undefined;

  constructor(
    { fairnessId, priority }: InferenceRequest,
    outputCounts: boolean,
    books: InflightBooks,
    live: Set<InflightRequest>,
  ) {
    this.#fairnessId = fairnessId;
    this.#priority = priority;
    this.#outputCounts = outputCounts;
    this.#books = books;
    this.#live = live;
    live.add(this);
  }

  add(entry: InflightEntry, isPrimary: boolean, isPrefill: boolean): void {
    this.#entries.push(entry);
    if (isPrimary) this.#primary = entry;
    if (isPrefill) this.#prefill = entry;
  }

  onResponse({ endpoint }: ResponseHead): void {
    if (this.#primary !== undefined) this.#books.move(this.#primary, endpoint);
  }

  onFirstPiece(): void {
    if (this.#prefill !== undefined) this.#books.leave(this.#prefill);
    if (this.#outputCounts) return;
    for (const entry of this.#entries) this.#books.dropTokens(entry);
  }

  onEnd(): void {
    for (const entry of this.#entries) this.#books.leave(entry);
    this.#live.delete(this);
  }

  *shares(): Generator<InflightShare> {
    for (const { endpoint, tokens } of this.#entries) {
      if (endpoint === undefined || !this.#books.isCurrent(endpoint)) continue;
      yield { endpoint, tokens, fairnessId: this.#fairnessId, priority: this.#priority };
    }
  }
}
