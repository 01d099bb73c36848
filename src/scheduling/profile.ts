import type { Clock } from '../core/clock.ts';
import type { Candidates } from '../core/endpoint.ts';
import { FILTERED_OUT, Rejection } from '../core/errors.ts';
import type { Filter, Picker, RankDepth, Scorer } from '../core/kinds.ts';
import type { Plugin } from '../core/plugin.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { FallbackSpread } from './fallback-spread.ts';
import type { DecisionListener, DecisionRecord } from './decision.ts';
import type { ScoreBoard } from './score-board.ts';

/** What a profile is made of, every reference resolved. */
export interface ProfilePlan {
  readonly name: string;
  readonly filters: readonly Plugin<'filter'>[];
  readonly scorers: readonly { readonly plugin: Plugin<'scorer'>; readonly weight: number }[];
  readonly picker: Plugin<'picker'>;
}

/** Takes the time one plugin needed for one request, in seconds. */
export type ObserveSeconds = (seconds: number) => void;
/** Binds the duration metric of one plugin at one extension point, once, when the profile is compiled. */
export type BindDuration = (extensionPoint: string, plugin: Plugin) => ObserveSeconds;

/** What compiling needs from outside. */
export interface ProfileDeps {
  readonly clock: Clock;
  readonly bindDuration: BindDuration;
  /** At least this many endpoints are ranked, whatever the picker was configured with, where the proxy is told them. */
  readonly minPicks: number;
  /** Asked once per profile run; who it names is called with the `DecisionRecord`, and only then is one made. */
  decisionListener(request: InferenceRequest): DecisionListener | undefined;
  /** Leaves out endpoints that should get no requests now; nobody does when absent. */
  readonly health?: { narrow(candidates: Candidates): Candidates } | undefined;
  /** Orders the endpoints the proxy may fall back to; they are in the order of the ranking when absent. */
  readonly spread?: FallbackSpread | undefined;
  /** Says now and then whom to try whatever the score; nobody is tried when absent. */
  readonly trials?: Trials | undefined;
  /** Keeps the scores of every candidate; without one nobody does. */
  readonly scores?: ScoreBoard | undefined;
}

/** Asked before each run of a profile for a candidate to try; told of each one it named whether it was picked. */
export interface Trials {
  toTry(candidates: Candidates): number | undefined;
  tried(slot: number, isPicked: boolean): void;
}

interface Timed<T> {
  readonly run: T;
  readonly observe: ObserveSeconds;
}

interface WeightedScorer extends Timed<Scorer> {
  readonly name: string;
  readonly type: string;
  readonly weight: number;
}

/**
 * A scheduling profile as flat arrays: filters in listed order, then every scorer's value clamped to [0, 1] times its
 * weight and summed, then the picker (contract 2.7). Runs to its end without a break, so the score buffers are reused.
 */
export class CompiledProfile {
  readonly name: string;
  readonly #deps: ProfileDeps;
  readonly #filters: readonly Timed<Filter>[];
  readonly #scorers: readonly WeightedScorer[];
  readonly #picker: Timed<Picker>;
  readonly #counts: Readonly<Record<RankDepth, number>>;
  #sums = new Float64Array(64);
  #values = new Float64Array(64);

  constructor(plan: ProfilePlan, deps: ProfileDeps) {
    this.name = plan.name;
    this.#deps = deps;
    this.#filters = plan.filters.map((plugin) => ({
      run: plugin.instance,
      observe: deps.bindDuration('Filter', plugin),
    }));
    this.#scorers = plan.scorers.map(({ plugin, weight }) => ({
      run: plugin.instance,
      observe: deps.bindDuration('Scorer', plugin),
      name: plugin.name,
      type: plugin.type,
      weight,
    }));
    this.#picker = { run: plan.picker.instance, observe: deps.bindDuration('Picker', plan.picker) };
    const { maxEndpoints } = plan.picker.instance;
    this.#counts = { picker: maxEndpoints, fallbacks: Math.max(maxEndpoints, deps.minPicks) };
  }

  /** Ranks the candidates, best first, or says that the filters left nobody. */
  run(request: InferenceRequest, candidates: Candidates, depth: RankDepth = 'fallbacks'): Candidates | Rejection {
    const tried = this.#deps.trials?.toTry(candidates);
    const picked = this.#run(request, candidates, depth, tried);
    if (tried !== undefined) this.#deps.trials?.tried(tried, !(picked instanceof Rejection) && picked[0] === tried);
    return picked;
  }

  #run(
    request: InferenceRequest,
    candidates: Candidates,
    depth: RankDepth,
    tried: number | undefined,
  ): Candidates | Rejection {
    const { clock } = this.#deps;
    let left = candidates;
    let before = clock.nowMs();
    const listener = this.#deps.decisionListener(request);
    const marks = listener && [before];
    for (const { run, observe } of this.#filters) {
      left = run.filter(request, left);
      const after = clock.nowMs();
      observe((after - before) / 1000);
      marks?.push(after);
      before = after;
      if (left.length === 0) return FILTERED_OUT;
    }
    left = this.#healthyOf(left);
    const sums = this.#emptySums(left.length);
    for (const scorer of this.#scorers) {
      this.#addScores(request, left, scorer);
      const after = clock.nowMs();
      scorer.observe((after - before) / 1000);
      marks?.push(after);
      before = after;
    }
    if (this.#scorers.length > 0) this.#deps.scores?.write(this.name, left, sums);
    const picked = this.#pick(left, depth, tried);
    const end = clock.nowMs();
    this.#picker.observe((end - before) / 1000);
    marks?.push(end);
    listener?.({
      request,
      profile: this.name,
      candidates: candidates.length,
      remaining: left.length,
      picked: [...picked],
      isTrial: picked[0] === tried,
      scores: this.#explain(request, left, picked[0]),
      totals: Array.from(picked, (slot) => sums[left.indexOf(slot)]),
      marks: marks ?? [],
    });
    return picked;
  }

  /** After the filters, so that a profile whose endpoints are all ejected still has the least bad of them. */
  #healthyOf(left: Candidates): Candidates {
    return this.#deps.health?.narrow(left) ?? left;
  }

  /** Ranks who is left, `tried` before everybody if it is. */
  #pick(left: Candidates, depth: RankDepth, tried: number | undefined): Candidates {
    const { run } = this.#picker;
    const count = Math.min(this.#counts[depth], left.length);
    const spread = depth === 'fallbacks' ? this.#deps.spread : undefined;
    const reach = Math.min(spread?.reach(count) ?? count, left.length);
    const scored = run.pick(left, this.#sums, reach);
    const ranked = tried !== undefined && left.includes(tried) ? firstOf(scored, tried) : scored;
    return spread?.choose(ranked, count) ?? ranked;
  }

  #addScores(request: InferenceRequest, candidates: Candidates, { run, weight }: WeightedScorer): void {
    run.score(request, candidates, this.#values);
    addWeighted(this.#sums, this.#values, weight, candidates.length);
  }

  /** Asks every scorer again: the buffers hold sums by now, and only an explained decision pays. */
  #explain(request: InferenceRequest, left: Candidates, best: number): DecisionRecord['scores'] {
    const winner = left.indexOf(best);
    return this.#scorers.map(({ run, name, type, weight }) => {
      run.score(request, left, this.#values);
      return { scorer: name, type, weight, value: clamp(this.#values[winner]) };
    });
  }

  #emptySums(length: number): Float64Array {
    if (this.#sums.length >= length) return this.#sums.fill(0, 0, length);
    this.#sums = new Float64Array(length * 2);
    this.#values = new Float64Array(length * 2);
    return this.#sums;
  }
}

/** The same as adding `weight * clamp(value)`: most values of a prefix scorer are 0 and need no store. */
function addWeighted(sums: Float64Array, values: Float64Array, weight: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (value > 0) sums[i] += weight * (value < 1 ? value : 1);
  }
}

/** The ranking with `slot` first and as long as it was. */
function firstOf(ranked: Candidates, slot: number): Candidates {
  const others = ranked.filter((other) => other !== slot);
  const first = ranked.slice();
  first[0] = slot;
  first.set(others.subarray(0, first.length - 1), 1);
  return first;
}

/** Into [0, 1]; what is not a number counts as 0, so that one bad scorer cannot poison a sum. */
function clamp(value: number): number {
  return value > 0 ? Math.min(value, 1) : 0;
}
