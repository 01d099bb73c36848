import type { TokenizedPrompt } from './prompt.ts';
import type { InferenceRequest } from './request.ts';

export type { TokenizedPrompt } from './prompt.ts';

/**
 * A kind of per-request data that one plugin produces and others consume, e.g. prefix matches. The type parameter is
 * what a consumer reads; it exists for the compiler only.
 */
export interface DataType<T> {
  /** The contract's name for it, first half of the data key. */
  readonly name: string;
  /** Type of the plugin that is created when a consumer needs the data and nobody declared a producer. */
  readonly defaultProducer: string;
  /** Never set; carries `T`. */
  readonly value?: T;
}

/** `<dataType>/<producer instance name>`: which data, and by whom. */
export interface DataKey<T> {
  readonly type: DataType<T>;
  readonly producer: string;
  /** Another producer takes the place of this one where the configuration has only that. */
  readonly open?: true;
}

/** A bound way to read one datum of a request; undefined when its producer had nothing to say. */
export type Reader<T> = (request: InferenceRequest) => T | undefined;
/** A bound way to write one. */
export type Writer<T> = (request: InferenceRequest, value: T) => void;

/** The key of `type` as produced by `producer`; no name means the instance named like its default producer's type. */
export function dataKey<T>(type: DataType<T>, producer = ''): DataKey<T> {
  return { type, producer: producer === '' ? type.defaultProducer : producer };
}

/** The key of `type` by whoever produces it in a configuration; by its default producer where several do, or nobody. */
export function openKey<T>(type: DataType<T>): DataKey<T> {
  return { type, producer: type.defaultProducer, open: true };
}

/** The key as the contract writes it; two keys with one text are one key. */
export function keyText({ type, producer }: DataKey<unknown>): string {
  return `${type.name}/${producer}`;
}

/** The count of one slot; 0 for an endpoint that joined after they were counted and is beyond the array. */
export function countAt(countsBySlot: Uint32Array, slot: number): number {
  return slot < countsBySlot.length ? countsBySlot[slot] : 0;
}

/** What a prefix index found for one request. */
export interface PrefixMatch {
  /** Leading blocks of the prompt cached at each endpoint, by slot; 0 where nothing is. Valid for this request only. */
  readonly blocksBySlot: Uint32Array;
  /** Blocks of the whole prompt; 0 for a prompt that has none. */
  readonly totalBlocks: number;
  /** Tokens per block. */
  readonly blockTokens: number;
}

export const PREFIX_MATCH: DataType<PrefixMatch> = {
  name: 'PrefixCacheMatchInfoDataKey',
  defaultProducer: 'approx-prefix-cache-producer',
};

/** Key of the prefix matches that plugins with this parameter read; an empty name is the producer's own. */
export function prefixMatchKey(parameters: { readonly prefixMatchInfoProducerName: string }): DataKey<PrefixMatch> {
  return dataKey(PREFIX_MATCH, parameters.prefixMatchInfoProducerName);
}

export const TOKENIZED_PROMPT: DataType<TokenizedPrompt> = {
  name: 'TokenizedPrompt',
  defaultProducer: 'token-producer',
};

/** What we sent to each endpoint and has not ended, for every slot. Shared: the arrays are live. */
export interface InflightLoad {
  readonly requestsBySlot: Float64Array;
  readonly tokensBySlot: Float64Array;
}

export const INFLIGHT_LOAD: DataType<InflightLoad> = {
  name: 'InFlightLoadDataKey',
  defaultProducer: 'inflight-load-producer',
};

/** Key of the load in flight that plugins with this parameter read; an empty name is the producer's own. */
export function inflightLoadKey(parameters: { readonly inFlightLoadProducerName: string }): DataKey<InflightLoad> {
  return dataKey(INFLIGHT_LOAD, parameters.inFlightLoadProducerName);
}

/** Tokens of a request that an endpoint would have to work on, those it has cached left out. */
export interface UncachedTokens {
  at(slot: number): number;
}

export const UNCACHED_TOKENS: DataType<UncachedTokens> = {
  name: 'UncachedRequestTokensDataKey',
  defaultProducer: 'inflight-load-producer',
};

/** How many of a request's media each endpoint has encoded, by slot, and how many there are. */
export interface MediaMatch {
  readonly itemsBySlot: Uint32Array;
  readonly totalItems: number;
}

export const MEDIA_MATCH: DataType<MediaMatch> = {
  name: 'MultiModalEncoderCacheMatchInfoKey',
  defaultProducer: 'mm-embeddings-cache-producer',
};

export const SESSION_ID: DataType<string> = { name: 'SessionIDDataKey', defaultProducer: 'session-id-producer' };

/** Who the agent behind a request is. Its key names no producer: whoever can tell may. */
export const AGENT_IDENTITY: DataType<string> = { name: 'agent-identity', defaultProducer: 'agent-identity' };
/** Its only key. */
export const AGENT_IDENTITY_KEY: DataKey<string> = { type: AGENT_IDENTITY, producer: '' };

/** Slot of the endpoint the stage before picked, for those who want to be near it. */
export const PEER_ENDPOINT: DataType<number> = { name: 'peer-endpoint', defaultProducer: 'disagg-profile-handler' };
