import { dataKey, PEER_ENDPOINT, type Writer } from '../../core/data.ts';
import type { Candidates } from '../../core/endpoint.ts';
import { ConfigError, Rejection } from '../../core/errors.ts';
import type { HeaderEdits, Hooks } from '../../core/hooks.ts';
import type { Decider, ProfileHandler, RunProfile } from '../../core/kinds.ts';
import type { PluginContext, StageDecision } from '../../core/plugin.ts';
import type { InferenceRequest } from '../../core/request.ts';
import type { Schedule } from '../../core/schedule.ts';
import { nameRank, nameStages } from './stage-headers.ts';

/** The stages a request can go through, and who decides about the optional ones. */
export interface StagePlan {
  /** For messages. */
  readonly type: string;
  /** Profiles by stage; decode must be there, one of the others that is not never runs. */
  readonly profiles: { readonly decode: string; readonly prefill: string; readonly encode: string | undefined };
  /** Without one the stage never runs; with `prefillFirst` it always does. */
  readonly prefillDecider: Decider | undefined;
  readonly encodeDecider: Decider | undefined;
  readonly prefillFirst: boolean;
  /** Stands in for the decode endpoint's own. */
  readonly port: number | undefined;
  /** Counts what became of a request for a model. */
  count(model: string, decision: StageDecision): void;
}

/** What a stage besides decode found; undefined where it did not run or nobody would do. */
type Found = Candidates | undefined;

/**
 * Runs decode, which is where the request goes, and the stages before it that are worth it. One that is wanted and
 * finds nobody is left out: decode servers can do all the work. Source: contract 3.2.
 */
export class StagedHandler implements ProfileHandler, Hooks {
  readonly #plan: StagePlan;
  readonly #context: PluginContext;
  readonly #publishPeer: Writer<number>;

  constructor(plan: StagePlan, context: PluginContext) {
    this.#plan = plan;
    this.#context = context;
    this.#publishPeer = context.write(dataKey(PEER_ENDPOINT));
  }

  accept(profiles: readonly string[]): void {
    const { type, profiles: named } = this.#plan;
    if (profiles.includes(named.decode)) return;
    const found = profiles.map((name) => `'${name}'`).join(', ') || 'none';
    throw new ConfigError(`${type} needs a scheduling profile named '${named.decode}', found ${found}`);
  }

  schedule(request: InferenceRequest, profiles: readonly string[], run: RunProfile): Schedule | Rejection {
    const { prefillFirst, profiles: named } = this.#plan;
    const has = { prefill: profiles.includes(named.prefill), encode: profiles.includes(named.encode ?? '') };
    return prefillFirst ? this.#prefillFirst(request, has, run) : this.#decodeFirst(request, has, run);
  }

  onPicked(_request: InferenceRequest, schedule: Schedule, edits: HeaderEdits): void {
    const { endpoints } = this.#context;
    nameStages(schedule, this.#plan.profiles, endpoints, edits);
    nameRank(schedule, endpoints, edits);
  }

  #decodeFirst(request: InferenceRequest, has: Stages, run: RunProfile): Schedule | Rejection {
    const { prefillDecider, encodeDecider } = this.#plan;
    const decode = this.#decode(run);
    if (decode instanceof Rejection) return decode;
    const [slot] = decode;
    const encode = has.encode && encodeDecider?.decide(request, slot) === true ? this.#try('encode', run) : undefined;
    if (!has.prefill || prefillDecider?.decide(request, slot) !== true)
      return this.#result(request, decode, { encode });
    this.#publishPeer(request, slot);
    return this.#result(request, decode, { encode, prefill: this.#try('prefill', run) });
  }

  #prefillFirst(request: InferenceRequest, has: Stages, run: RunProfile): Schedule | Rejection {
    const prefill = has.prefill ? this.#try('prefill', run) : undefined;
    const encoding = has.encode && this.#plan.encodeDecider?.decide(request, undefined) === true;
    const encode = encoding ? this.#try('encode', run) : undefined;
    if (prefill !== undefined) this.#publishPeer(request, prefill[0]);
    const decode = this.#decode(run);
    return decode instanceof Rejection ? decode : this.#result(request, decode, { encode, prefill });
  }

  #decode(run: RunProfile): Candidates | Rejection {
    const { profiles, port } = this.#plan;
    // Behind a port that stands in for others sits a sidecar, which refuses a rank of another pod.
    return run(profiles.decode, port === undefined ? 'fallbacks' : 'picker');
  }

  #try(stage: 'prefill' | 'encode', run: RunProfile): Found {
    const profile = this.#plan.profiles[stage] ?? '';
    // Whoever reads the list would give work to everybody on it.
    const picks = run(profile, 'picker');
    if (!(picks instanceof Rejection)) return picks;
    this.#context.meter.stageFailed(stage);
    this.#context.debug(`the request goes on without ${stage}: profile '${profile}': ${picks.message}`);
    return undefined;
  }

  #result(
    request: InferenceRequest,
    decode: Candidates,
    { prefill, encode }: { readonly prefill?: Found; readonly encode?: Found },
  ): Schedule {
    const { profiles, port } = this.#plan;
    const picks = new Map([[profiles.decode, decode]]);
    if (prefill !== undefined) picks.set(profiles.prefill, prefill);
    if (encode !== undefined && profiles.encode !== undefined) picks.set(profiles.encode, encode);
    this.#plan.count(request.targetModel, decisionOf(prefill, encode));
    const helped = prefill !== undefined || encode !== undefined;
    const helpers = helped ? [...(prefill?.subarray(0, 1) ?? []), ...(encode ?? [])] : undefined;
    return { primary: profiles.decode, picks, port, helpers };
  }
}

/** Whether there is a profile for a stage. */
interface Stages {
  readonly prefill: boolean;
  readonly encode: boolean;
}

function decisionOf(prefill: Found, encode: Found): StageDecision {
  if (prefill === undefined) return encode === undefined ? 'decode-only' : 'encode-decode';
  return encode === undefined ? 'prefill-decode' : 'encode-prefill-decode';
}
