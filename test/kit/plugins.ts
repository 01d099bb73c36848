import * as v from 'valibot';
import { keyText } from '../../src/core/data.ts';
import type { Candidates } from '../../src/core/endpoint.ts';
import { NO_HEADERS } from '../../src/core/headers.ts';
import type { Hooks } from '../../src/core/hooks.ts';
import type { Filter, PluginKind, PluginKinds, Scorer } from '../../src/core/kinds.ts';
import { hasRole, type PluginContext, type PluginDefinition, type PluginMeter } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import { promptOf } from '../../src/payload/prompt-bytes.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { manualClock, manualTimers } from './clock.ts';
import { idlePool } from './pool.ts';
import { SAMPLE_PARAMETERS } from './sample-parameters.ts';

/** A meter nobody reads, but for the parts given. */
export function silentMeter(parts: Partial<PluginMeter> = {}): PluginMeter {
  return {
    prefixIndexSize: () => () => {},
    prefixHit() {},
    renderFallback() {},
    inflight: () => () => {},
    mediaLookedUp() {},
    mediaHit() {},
    mediaEndpointGone() {},
    disaggDecision() {},
    pdDecision() {},
    stageFailed() {},
    sessionBindings() {},
    fault() {},
    ...parts,
  };
}

/** A meter nobody reads. */
export const NO_METER: PluginMeter = silentMeter();

/** A context over a real endpoint table; `board` joins the plugins of one test. */
export function pluginContext(changes: Partial<PluginContext> = {}, board = new DataBoard()): PluginContext {
  return {
    name: 'under-test',
    endpoints: changes.endpoints ?? idlePool(4),
    clock: manualClock(),
    timers: manualTimers(),
    answerDeadlineMs: 60_000,
    random: seededRandom(1),
    meter: NO_METER,
    debug() {},
    http: { postJson: (url) => Promise.reject(new Error(`nobody answers at ${url}`)) },
    read: (key) => board.reader(key),
    write: (key) => board.writer(key),
    share: (key, value) => board.share(key, value),
    shared: (key) => board.shared(key),
    plugin(kind, name) {
      throw new Error(`the test has no ${kind} called ${name}`);
    },
    ...changes,
  };
}

/** What a plugin is configured with by these raw parameters; by those of `SAMPLE_PARAMETERS` when none are given. */
export function configOf<C>({ type, config }: PluginDefinition<PluginKind, C>, parameters?: unknown): C {
  return v.parse(config, parameters ?? SAMPLE_PARAMETERS[type] ?? {});
}

/** An instance of a plugin from raw parameters, as a configuration would make it. */
export function create<K extends PluginKind>(
  definition: PluginDefinition<K>,
  parameters?: unknown,
  context: PluginContext = pluginContext(),
): PluginKinds[K] & Hooks {
  return definition.create(configOf(definition, parameters), context);
}

/** A request with the given prompt texts, one chat prompt by default. */
export function inferenceRequest(
  changes: Partial<InferenceRequest> = {},
  prompts: readonly string[] = ['hello'],
): InferenceRequest {
  const prompt = promptOf(prompts.map((text) => Buffer.from(text)));
  return {
    id: 'test-request',
    receivedAtMs: 1_000_000,
    headers: NO_HEADERS,
    path: '/v1/chat/completions',
    body: {
      api: 'chat',
      dialect: 'openai',
      model: 'm',
      stream: false,
      maxOutputTokens: undefined,
      cacheSalt: '',
      prompt: () => prompt,
    },
    bodyBytes: 100,
    model: 'm',
    targetModel: 'm',
    priority: 0,
    fairnessId: 'default-flow',
    data: [],
    ...changes,
  };
}

/** A definition as one of another kind whose method its instances have too. */
export function inRole<K extends PluginKind>(definition: PluginDefinition, role: K): PluginDefinition<K> {
  if (!hasRole(definition, role)) throw new Error(`'${definition.type}' is not a ${role}`);
  return definition as PluginDefinition<K>;
}

/** What a plugin's schema has against parameters, first complaint first; undefined when it takes them. */
export function complaint({ config }: PluginDefinition, parameters: unknown): string | undefined {
  return v.safeParse(config, parameters).issues?.[0].message;
}

/** The data keys a plugin with these parameters needs, as the contract writes them. */
export function consumedBy({ config, consumes }: PluginDefinition, parameters: unknown = {}): string[] {
  return (consumes?.(v.parse(config, parameters)) ?? []).map(keyText);
}

/** What a scorer gives each candidate. */
export function scoresOf(scorer: Scorer, request: InferenceRequest, candidates: Candidates): number[] {
  const out = new Float64Array(candidates.length).fill(-7);
  scorer.score(request, candidates, out);
  return [...out];
}

/** Whom a filter keeps. */
export function keptBy(filter: Filter, request: InferenceRequest, candidates: Candidates): number[] {
  return Array.from(filter.filter(request, candidates));
}
