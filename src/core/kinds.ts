import type { Candidates } from './endpoint.ts';
import type { Rejection } from './errors.ts';
import type { Headers } from './headers.ts';
import type { Dialect, InferenceBody, InferenceRequest } from './request.ts';
import type { Schedule } from './schedule.ts';

/** Narrows the candidates, in the order the profile lists its filters. An empty result refuses the request. */
export interface Filter {
  filter(request: InferenceRequest, candidates: Candidates): Candidates;
}

/** Writes one value in [0, 1] per candidate: `out[i]` belongs to `candidates[i]`. `out` holds old values on entry. */
export interface Scorer {
  score(request: InferenceRequest, candidates: Candidates, out: Float64Array): void;
}

/** Ranks candidates by their summed scores: at most `count` slots, best first, none twice. */
export interface Picker {
  /** How many endpoints the configuration asked for; `--fallback-endpoints` can ask for more. */
  readonly maxEndpoints: number;
  pick(candidates: Candidates, scores: Float64Array, count: number): Candidates;
}

/** How many endpoints a profile ranks: as many as its picker says, or those to fall back to as well. */
export type RankDepth = 'picker' | 'fallbacks';

/**
 * Runs a named profile over the candidates. The ranking is for the proxy, which can go down a list, unless the handler
 * asks for the picker's own number: where whoever reads the list takes every entry for one to use.
 */
export type RunProfile = (profile: string, depth?: RankDepth) => Candidates | Rejection;

/** Decides which profiles run for a request. */
export interface ProfileHandler {
  /** Throws `ConfigError` when it cannot work with these profiles. */
  accept(profiles: readonly string[]): void;
  schedule(request: InferenceRequest, profiles: readonly string[], run: RunProfile): Schedule | Rejection;
}

/**
 * Publishes data about a request before it is scheduled. One that must wait for something returns a promise, and has
 * `timeoutMs` to keep it; what it throws or is late with is missing for this request, which goes on without.
 */
export interface Producer {
  /** Longest wait for a promise; 400 when absent. Source: contract 1.6. */
  readonly timeoutMs?: number | undefined;
  produce(request: InferenceRequest, candidates: Candidates): void | Promise<void>;
}

/** Refuses requests before they are scheduled; undefined lets one pass. */
export interface Admitter {
  admit(request: InferenceRequest, candidates: Candidates): Rejection | undefined;
}

/** Tells a profile handler whether a further stage is worth it; `slot` is the endpoint of the stage before, if any. */
export interface Decider {
  decide(request: InferenceRequest, slot: number | undefined): boolean;
}

/** Reads request bodies of the paths it claims; no paths means every path nobody else claims. */
export interface Parser {
  readonly paths: readonly string[];
  /** The `appProtocol` a pool must have, one of these; any when absent. */
  readonly protocols?: readonly string[];
  /** Whose error objects the clients of a path expect. */
  dialect(path: string): Dialect;
  /** Reads a whole body, given as the pieces it came in, or refuses it. */
  parse(path: string, pieces: readonly Uint8Array[], headers: Headers): InferenceBody | Rejection;
}

/** Tells how full endpoints are: 0 is idle, 1 is as full as they should be, more is too full. */
export interface SaturationDetector {
  saturation(candidates: Candidates): number;
}

/** The method a kind is defined by. */
export interface PluginKinds {
  filter: Filter;
  scorer: Scorer;
  picker: Picker;
  'profile-handler': ProfileHandler;
  producer: Producer;
  parser: Parser;
  /** Fetches facts about endpoints; configured here, run by `scrape`. */
  source: object;
  /** Reads signals out of what a source fetched. */
  extractor: object;
  /** Says which endpoints exist; configured here, run by `discovery`. */
  discovery: object;
  'saturation-detector': SaturationDetector;
  admitter: Admitter;
  decider: Decider;
  /** Has hooks only. */
  hook: object;
  /** Policies of flow control: checked, and used by nothing until there are queues. */
  'fairness-policy': object;
  'ordering-policy': object;
  'usage-limit-policy': object;
  'eviction-policy': object;
}

export type PluginKind = keyof PluginKinds;
