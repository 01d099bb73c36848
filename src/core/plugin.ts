import type { GenericSchema } from 'valibot';
import type { Clock } from './clock.ts';
import type { DataKey, Reader, Writer } from './data.ts';
import type { Candidates, EndpointView } from './endpoint.ts';
import type { Rejection } from './errors.ts';
import type { Headers } from './headers.ts';
import type { Random } from './random.ts';
import type { Dialect, InferenceBody, InferenceRequest } from './request.ts';

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

/** Slots picked by each profile that ran, best first, and which of them the proxy is told. */
export interface Schedule {
  readonly primary: string;
  readonly picks: ReadonlyMap<string, Candidates>;
}

/** Runs a named profile over the candidates. */
export type RunProfile = (profile: string) => Candidates | Rejection;

/** Decides which profiles run for a request. */
export interface ProfileHandler {
  /** Throws `ConfigError` when it cannot work with these profiles. */
  accept(profiles: readonly string[]): void;
  schedule(request: InferenceRequest, profiles: readonly string[], run: RunProfile): Schedule | Rejection;
}

/** Publishes data about a request before it is scheduled. */
export interface Producer {
  produce(request: InferenceRequest, candidates: Candidates): void;
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

/** Optional parts any plugin may have, called at their moment in a request's life. */
export interface Observer {
  /** After the pick and before the answer goes out; must not throw. */
  onPicked?(request: InferenceRequest, schedule: Schedule): void;
  /** A slot was vacated; whatever was kept about it must go. */
  onEndpointRemoved?(slot: number): void;
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
}

export type PluginKind = keyof PluginKinds;
export type Stability = 'alpha' | 'beta' | 'deprecated';

/** Numbers a plugin exports; `telemetry` binds them to metric families. */
export interface PluginMeter {
  /** Blocks the index holds now, over all endpoints. */
  prefixIndexSize(blocks: number): void;
  /** One lookup: share of the prompt matched, 0..1, and matched length in bytes. */
  prefixHit(ratio: number, bytes: number): void;
}

/** Everything a plugin may touch. */
export interface PluginContext {
  /** Name of this instance, unique in the configuration. */
  readonly name: string;
  readonly endpoints: EndpointView;
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: PluginMeter;
  /** Binds a declared `consumes` key. */
  read<T>(key: DataKey<T>): Reader<T>;
  /** Binds a declared `produces` key. */
  write<T>(key: DataKey<T>): Writer<T>;
}

/** One plugin type: `config` validates, documents and yields JSON Schema; `create` makes a configured instance. */
export interface PluginDefinition<K extends PluginKind = PluginKind, C = unknown> {
  readonly kind: K;
  readonly type: string;
  readonly stability: Stability;
  /** One sentence for `pointsman plugins`. */
  readonly summary: string;
  readonly config: GenericSchema<unknown, C>;
  /** Data it cannot do without; a missing producer is created from the type's default. */
  consumes?(config: C): readonly DataKey<unknown>[];
  produces?(config: C, name: string): readonly DataKey<unknown>[];
  create(config: C, context: PluginContext): PluginKinds[K] & Observer;
}

/** A configured instance in its place. */
export interface Plugin<K extends PluginKind = PluginKind> {
  readonly name: string;
  readonly type: string;
  readonly kind: K;
  readonly instance: PluginKinds[K] & Observer;
}

/** Declares a plugin; the configuration type is inferred from the schema. */
export function definePlugin<K extends PluginKind, C>(definition: PluginDefinition<K, C>): PluginDefinition<K, C> {
  return definition;
}
