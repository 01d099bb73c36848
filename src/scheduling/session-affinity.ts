import { type DataKey, dataKey, type DataType, type Reader, type Writer } from '../core/data.ts';
import type { Candidates, Endpoint } from '../core/endpoint.ts';
import type { Follower, Hooks } from '../core/hooks.ts';
import type { PluginContext } from '../core/plugin.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Schedule } from '../core/schedule.ts';
import { SessionBindings } from './session-bindings.ts';
import { type SessionParameters, type SessionSource, sourceKey } from './session-parameters.ts';

/** Sessions known at once; about 250 bytes each. */
const MAX_SESSIONS = 200_000;
/** Far more than the id of any endpoint needs: 63 characters of namespace, 253 of name, base64. */
const MAX_TOKEN_LENGTH = 1024;

/** Whether the endpoint of a request's session was among the candidates; nothing is known of an unbound session. */
const BOUND_PRESENT: DataType<boolean> = { name: 'SessionEndpointPresent', defaultProducer: 'session-affinity-scorer' };

/** What keeps the requests of a session at one endpoint. The scorer and the filter differ in how they use it only. */
export interface SessionAffinity extends Required<Pick<Hooks, 'onPicked'>> {
  /** Where among the candidates the endpoint of the request's session is; -1 when there is none, or it is not there. */
  indexOf(request: InferenceRequest, candidates: Candidates): number;
}

/** Data of other plugins that name the session. */
export function sessionKeys({ strategy, sessionIdConfig }: SessionParameters): readonly DataKey<string>[] {
  return strategy === 'session_id' ? sessionIdConfig.sources.flatMap((source) => sourceKey(source) ?? []) : [];
}

/** Data the affinity keeps with a request for itself. */
export function sessionNotes({ strategy }: SessionParameters, name: string): readonly DataKey<unknown>[] {
  return strategy === 'session_id' ? [dataKey(BOUND_PRESENT, name)] : [];
}

export function createSessionAffinity(config: SessionParameters, context: PluginContext): SessionAffinity {
  return config.strategy === 'session_id' ? new BoundSessions(config, context) : new SessionTokens(config, context);
}

/**
 * Strategy `encoded_endpoint_header`: the client carries the endpoint's id from a response to its next request, as
 * standard base64 in a header. Nothing is kept here.
 */
class SessionTokens implements SessionAffinity {
  readonly #context: PluginContext;
  readonly #header: string;
  readonly #profile: string;
  /** Writes who served. */
  readonly #served: Follower;

  constructor({ encodedEndpointHeaderConfig: { header }, profileName }: SessionParameters, context: PluginContext) {
    this.#context = context;
    this.#header = header;
    this.#profile = profileName;
    this.#served = { onResponse: ({ endpoint }, edits) => edits.set(header, tokenOf(endpoint)) };
  }

  indexOf({ headers }: InferenceRequest, candidates: Candidates): number {
    const token = headers.get(this.#header);
    if (token === undefined || token.length > MAX_TOKEN_LENGTH) return -1;
    const endpoint = this.#context.endpoints.byId(Buffer.from(token, 'base64').toString());
    // Buffer also takes what is no standard base64.
    return endpoint === undefined || tokenOf(endpoint) !== token ? -1 : candidates.indexOf(endpoint.slot);
  }

  onPicked(_request: InferenceRequest, schedule: Schedule): Follower | undefined {
    if (this.#profile === '' || this.#profile === schedule.primary) return this.#served;
    const slot = schedule.picks.get(this.#profile)?.[0];
    const endpoint = slot === undefined ? undefined : this.#context.endpoints.at(slot);
    if (endpoint === undefined) return undefined;
    return { onResponse: (_head, edits) => edits.set(this.#header, tokenOf(endpoint)) };
  }
}

/** `<namespace>/<name>` in standard base64. */
function tokenOf({ id }: Endpoint): string {
  return Buffer.from(id).toString('base64');
}

/**
 * Strategy `session_id`: the client or another plugin names the session, and it is bound here to the endpoint it is
 * sent to. It moves only when that endpoint was not among the candidates.
 */
class BoundSessions implements SessionAffinity {
  readonly #context: PluginContext;
  readonly #bindings: SessionBindings;
  readonly #sources: readonly ((request: InferenceRequest) => string | undefined)[];
  readonly #profile: string;
  readonly #present: Reader<boolean>;
  readonly #notePresent: Writer<boolean>;

  constructor({ sessionIdConfig, profileName }: SessionParameters, context: PluginContext) {
    const ttlMs = sessionIdConfig.evictionTtlSeconds * 1000;
    const present = dataKey(BOUND_PRESENT, context.name);
    this.#context = context;
    this.#bindings = new SessionBindings(context.clock, { ttlMs, maxSessions: MAX_SESSIONS });
    this.#sources = sessionIdConfig.sources.map((source) => readerOf(source, context));
    this.#profile = profileName;
    this.#present = context.read(present);
    this.#notePresent = context.write(present);
  }

  indexOf(request: InferenceRequest, candidates: Candidates): number {
    const session = this.#sessionOf(request);
    const id = session && this.#bindings.endpointOf(session);
    if (id === undefined) return -1;
    const endpoint = this.#context.endpoints.byId(id);
    const index = endpoint === undefined ? -1 : candidates.indexOf(endpoint.slot);
    // A profile for other endpoints may ask, too: being in one of them is enough to stay.
    if (this.#present(request) !== true) this.#notePresent(request, index >= 0);
    return index;
  }

  onPicked(request: InferenceRequest, schedule: Schedule): undefined {
    const session = this.#sessionOf(request);
    const slot = schedule.picks.get(this.#profile === '' ? schedule.primary : this.#profile)?.[0];
    const endpoint = slot === undefined ? undefined : this.#context.endpoints.at(slot);
    if (session === undefined || endpoint === undefined) return;
    this.#bindings.note(session, endpoint.id, this.#present(request) === false);
    this.#context.meter.sessionBindings(this.#bindings.size);
  }

  #sessionOf(request: InferenceRequest): string | undefined {
    for (const read of this.#sources) {
      const session = read(request)?.trim();
      if (session !== undefined && session !== '') return session;
    }
    return undefined;
  }
}

function readerOf(source: SessionSource, context: PluginContext): (request: InferenceRequest) => string | undefined {
  const key = sourceKey(source);
  const { header } = source;
  if (key !== undefined) return context.read(key);
  return header === undefined ? () => undefined : ({ headers }) => headers.get(header);
}
