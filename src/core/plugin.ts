import type { GenericSchema } from 'valibot';
import type { Clock } from './clock.ts';
import type { DataKey, Reader, Writer } from './data.ts';
import type { Endpoint, EndpointView } from './endpoint.ts';
import type { Hooks } from './hooks.ts';
import type { HttpClient } from './http-client.ts';
import type { PluginKind, PluginKinds } from './kinds.ts';
import type { Random } from './random.ts';
import type { Timers } from './timers.ts';

export type Stability = 'alpha' | 'beta' | 'deprecated';

/** Which stages a request goes through. Source: contract 5.3, label `decision_type`. */
export type StageDecision = 'decode-only' | 'prefill-decode' | 'encode-decode' | 'encode-prefill-decode';
/** What a source hands to its extractors. */
export type Payload = 'metrics-page' | 'model-list' | 'endpoint-events' | 'object-events';
/** A request that an endpoint works on, as far as its load is known. */
export interface InflightShare {
  readonly endpoint: Endpoint;
  readonly fairnessId: string;
  readonly priority: number;
  readonly tokens: number;
}

/** Numbers a plugin exports; `telemetry` binds them to metric families. */
export interface PluginMeter {
  /** Blocks the index holds over all endpoints: asked whenever metrics are read, until what it returns is called. */
  prefixIndexSize(blocks: () => number): () => void;
  /** One lookup: share of the prompt matched, 0..1, and matched length in bytes. */
  prefixHit(ratio: number, bytes: number): void;
  /** The stages of one request for `model`, empty for none, under the name of the handler's generation. */
  disaggDecision(model: string, decision: StageDecision): void;
  pdDecision(model: string, decision: StageDecision): void;
  /** A stage was wanted, and no endpoint would do for it. */
  stageFailed(stage: string): void;
  /** Sessions bound to an endpoint now. */
  sessionBindings(sessions: number): void;
  /** Something went wrong for one request, which goes on without. Every one is counted, the first is logged. */
  fault(error: unknown): void;
  /** A prompt was estimated because the server that was to render it did not. */
  renderFallback(): void;
  /** Every request in flight, once for each endpoint it is at: asked like `prefixIndexSize`. */
  inflight(shares: () => Iterable<InflightShare>): () => void;
  /** A picture or the like was looked for, and is at so many endpoints. */
  mediaLookedUp(modality: string, holders: Iterable<Endpoint>): void;
  /** Share of a request's media that the endpoint it was sent to has encoded, 0..1. */
  mediaHit(ratio: number): void;
  /** The endpoint is gone, and what was counted for it. */
  mediaEndpointGone(endpoint: Endpoint): void;
}

/** Everything a plugin may touch. */
export interface PluginContext {
  /** Name of this instance, unique in the configuration. */
  readonly name: string;
  readonly endpoints: EndpointView;
  readonly clock: Clock;
  readonly timers: Timers;
  /** A decision waits no longer than this for all producers together; who waits for others waits less. */
  readonly answerDeadlineMs: number;
  readonly random: Random;
  readonly meter: PluginMeter;
  /** Tells those who read the log at debug level; nothing of what a request contains. */
  debug(message: string): void;
  /** Calls other servers. Only for plugins whose work it is; every call has a time-out and a size limit. */
  readonly http: HttpClient;
  /** Binds a declared `consumes` key, or a `reads` key of a request. */
  read<T>(key: DataKey<T>): Reader<T>;
  /** Binds a declared `produces` key. */
  write<T>(key: DataKey<T>): Writer<T>;
  /** Publishes something live about endpoints under a declared `produces` key, once, while being created. */
  share<T>(key: DataKey<T>, value: T): void;
  /** What the producer of a declared `consumes` key shares. Throws `ConfigError` when it shares nothing. */
  shared<T>(key: DataKey<T>): T;
  /** The instance a declared need names. */
  plugin<K extends PluginKind>(kind: K, name: string): PluginKinds[K];
}

/** Another plugin that one calls by name. */
export interface PluginNeed {
  readonly kind: PluginKind;
  /** Instance name; it must be declared. */
  readonly name: string;
  /** Where the parameters name it, for messages; empty where a default does. */
  readonly at: readonly string[];
}

/** Something odd about parameters that are valid. */
export interface PluginWarning {
  /** Which parameter; empty for the plugin as a whole. */
  readonly at: readonly string[];
  readonly message: string;
}

/** The methods of all of several kinds; of no kinds, nothing. */
type Together<K extends PluginKind> = (K extends PluginKind ? (parts: PluginKinds[K]) => void : never) extends (
  parts: infer P,
) => void
  ? P
  : never;

/** What an instance is: the method of its kind, those of further kinds it has, and hooks. */
export type PluginInstance<K extends PluginKind = PluginKind> = PluginKinds[K] & Hooks;

/** One plugin type: `config` validates, documents and yields JSON Schema; `create` makes a configured instance. */
export interface PluginDefinition<K extends PluginKind = PluginKind, C = unknown> {
  readonly kind: K;
  /** Further kinds whose methods every instance has too. */
  readonly also?: readonly PluginKind[] | undefined;
  readonly type: string;
  /** `plugin_type` label of the metrics, where it is not the type. */
  readonly metricType?: string | undefined;
  readonly stability: Stability;
  /** Of a deprecated type: what to do instead, to go on after "deprecated: ". */
  readonly instead?: string | undefined;
  /** One sentence for `pointsman plugins`. */
  readonly summary: string;
  readonly config: GenericSchema<unknown, C>;
  /** What is legal and hardly meant: what is deprecated or has no effect. */
  warnings?(config: C): readonly PluginWarning[];
  /** What a source fetches or an extractor reads; the two must agree. */
  readonly payload?: Payload | undefined;
  /** Facts it judges endpoints by. It works without them, but then judges nothing. */
  reads?(config: C): readonly DataKey<unknown>[];
  /** Data it cannot do without; a missing producer is created from the type's default. */
  consumes?(config: C): readonly DataKey<unknown>[];
  produces?(config: C, name: string): readonly DataKey<unknown>[];
  /** Plugins it calls, which are created before it. */
  needs?(config: C): readonly PluginNeed[];
  /** Of a profile handler: the only profiles it ever runs; absent, it may run any. */
  profiles?(config: C): readonly string[];
  create(config: C, context: PluginContext): PluginInstance<K>;
}

/** A configured instance in its place. */
export interface Plugin<K extends PluginKind = PluginKind> {
  readonly name: string;
  readonly type: string;
  /** `plugin_type` label of its metrics. */
  readonly metricType: string;
  readonly kind: K;
  readonly instance: PluginInstance<K>;
}

/** Declares a plugin; the configuration type is inferred from the schema. */
export function definePlugin<K extends PluginKind, C, A extends PluginKind = never>(
  definition: PluginDefinition<K, C> & {
    readonly also?: readonly A[];
    create(config: C, context: PluginContext): Together<K | A> & Hooks;
  },
): PluginDefinition<K, C> {
  return definition;
}

/** Whether instances of a definition have the method of `kind`. */
export function hasRole({ kind, also }: PluginDefinition, role: PluginKind): boolean {
  return kind === role || also?.includes(role) === true;
}
