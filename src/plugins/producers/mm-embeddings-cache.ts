import * as v from 'valibot';
import {
  dataKey,
  MEDIA_MATCH,
  type MediaMatch,
  type Reader,
  TOKENIZED_PROMPT,
  type TokenizedPrompt,
  type Writer,
} from '../../core/data.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import type { Follower, Hooks } from '../../core/hooks.ts';
import type { Producer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';
import type { InferenceRequest } from '../../core/request.ts';
import type { Schedule } from '../../core/schedule.ts';
import { MediaHolders } from './media-holders.ts';

const DEFAULT_MIB = 4096;
/** What one picture is taken to weigh. Source: contract 3.5, entries = MiB / 2. */
const MIB_PER_ITEM = 2;
/** 1 TiB; more is a slip of the pen, and would cost memory here. */
const MAX_MIB = 2 ** 20;
/** Profiles whose endpoint does the encoding, the first that ran; otherwise the primary one. */
const ENCODING = ['encode', 'prefill'];

const parameters = v.strictObject({
  cacheSizeInMBPerServer: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.maxValue(MAX_MIB, `must be at most ${MAX_MIB}`),
      v.description("MiB of each server's encoder cache, 2 for every item; 0 or less means the default."),
    ),
    DEFAULT_MIB,
  ),
});

/**
 * Publishes how many of a request's images, videos and clips each endpoint has encoded, as far as it follows from where
 * earlier ones went; each counts once, however often the request shows it. They are credited to the endpoint that
 * encodes: of the profile `encode` where that ran, else `prefill`, else the primary one. Where another endpoint then
 * serves in place of the primary's, they are there. Source: contract 3.5.
 */
export const mmEmbeddingsCacheProducer = definePlugin({
  kind: 'producer',
  type: 'mm-embeddings-cache-producer',
  stability: 'beta',
  summary: "Remembers which endpoint encoded which media and tells how many of a request's each has.",
  config: parameters,
  consumes: () => [dataKey(TOKENIZED_PROMPT)],
  produces: (_config, name) => [dataKey(MEDIA_MATCH, name)],
  create: (config, context) => new MediaCache(config.cacheSizeInMBPerServer, context),
});

class MediaLookup implements MediaMatch {
  readonly itemsBySlot: Uint32Array;
  /** Every item once. */
  readonly hashes: readonly string[];

  constructor(hashes: readonly string[], slots: number) {
    this.hashes = hashes;
    this.itemsBySlot = new Uint32Array(slots);
  }

  get totalItems(): number {
    return this.hashes.length;
  }
}

class MediaCache implements Producer, Hooks {
  readonly #context: PluginContext;
  readonly #holders: MediaHolders;
  /** Endpoints that were ever credited, by slot. */
  readonly #credited: (Endpoint | undefined)[] = [];
  readonly #tokens: Reader<TokenizedPrompt>;
  readonly #read: Reader<MediaMatch>;
  readonly #publish: Writer<MediaMatch>;

  constructor(mib: number, context: PluginContext) {
    const key = dataKey(MEDIA_MATCH, context.name);
    this.#context = context;
    this.#holders = new MediaHolders(Math.max(1, Math.floor((mib > 0 ? mib : DEFAULT_MIB) / MIB_PER_ITEM)));
    this.#tokens = context.read(dataKey(TOKENIZED_PROMPT));
    this.#read = context.read(key);
    this.#publish = context.write(key);
  }

  produce(request: InferenceRequest): void {
    const media = this.#tokens(request)?.media ?? [];
    if (media.length === 0) return;
    const modalities = new Map(media.map(({ hash, modality }) => [hash, modality]));
    const lookup = new MediaLookup([...modalities.keys()], (this.#context.endpoints.all.at(-1) ?? 0) + 1);
    for (const [hash, modality] of modalities) {
      const holders: Endpoint[] = [];
      for (const slot of this.#holders.of(hash)) {
        lookup.itemsBySlot[slot]++;
        const endpoint = this.#credited[slot];
        if (endpoint !== undefined) holders.push(endpoint);
      }
      this.#context.meter.mediaLookedUp(modality, holders);
    }
    this.#publish(request, lookup);
  }

  onPicked(request: InferenceRequest, schedule: Schedule): Follower | undefined {
    const lookup = this.#read(request);
    if (!(lookup instanceof MediaLookup)) return undefined;
    const profile = ENCODING.find((name) => (schedule.picks.get(name)?.length ?? 0) > 0) ?? schedule.primary;
    const picks = schedule.picks.get(profile);
    const picked = picks === undefined || picks.length === 0 ? undefined : this.#context.endpoints.at(picks[0]);
    if (picked === undefined) return undefined;
    this.#context.meter.mediaHit((lookup.itemsBySlot[picked.slot] ?? 0) / lookup.totalItems);
    const added = lookup.hashes.filter((hash) => !this.#holders.of(hash).has(picked.slot));
    this.#credit(picked, lookup.hashes);
    return profile === schedule.primary ? this.#follow(picked, lookup.hashes, added) : undefined;
  }

  onEndpointRemoved(slot: number): void {
    const gone = this.#credited[slot];
    if (gone === undefined) return;
    this.#credited[slot] = undefined;
    this.#holders.forget(slot);
    this.#context.meter.mediaEndpointGone(gone);
  }

  #credit(endpoint: Endpoint, hashes: readonly string[]): void {
    this.#credited[endpoint.slot] = endpoint;
    for (const hash of hashes) this.#holders.add(endpoint.slot, hash);
  }

  #follow(picked: Endpoint, hashes: readonly string[], added: readonly string[]): Follower {
    return {
      onResponse: ({ endpoint }) => {
        if (endpoint === picked) return;
        if (this.#credited[picked.slot] === picked) for (const hash of added) this.#holders.remove(picked.slot, hash);
        this.#credit(endpoint, hashes);
      },
    };
  }
}
