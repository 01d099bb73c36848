import type { InferenceRequest } from './request.ts';

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
}

/** A bound way to read one datum of a request; undefined when its producer had nothing to say. */
export type Reader<T> = (request: InferenceRequest) => T | undefined;
/** A bound way to write one. */
export type Writer<T> = (request: InferenceRequest, value: T) => void;

/** The key of `type` as produced by `producer`, by default the instance named like its default producer's type. */
export function dataKey<T>(type: DataType<T>, producer: string = type.defaultProducer): DataKey<T> {
  return { type, producer };
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
