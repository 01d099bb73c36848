import * as v from 'valibot';
import { producerName } from '../../config/parameters.ts';
import { countAt, type PrefixMatch, prefixMatchKey, type Reader } from '../../core/data.ts';
import type { Candidates } from '../../core/endpoint.ts';
import type { Hooks } from '../../core/hooks.ts';
import type { Scorer } from '../../core/kinds.ts';
import { definePlugin, type PluginContext } from '../../core/plugin.ts';
import type { InferenceRequest } from '../../core/request.ts';
import type { Schedule } from '../../core/schedule.ts';
import { MAX_ENDPOINTS } from '../../datastore/columns.ts';
import { RecentSlots } from '../../datastore/recent-slots.ts';

const DEFAULT_SIZE = 1024;
/** The profile whose pick caches a prompt first when prefill and decode are apart; the contract fixes the name. */
const PREFILL = 'prefill';
/** What everybody scores when somebody has a part of the prompt cached. */
const NEUTRAL = 0.5;

const unused = v.optional(v.pipe(v.string(), v.description('Deprecated and without effect.')));

const parameters = v.strictObject({
  lruSize: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.transform((size) => (size > 0 ? size : DEFAULT_SIZE)),
      v.description('Endpoints whose last cold request is remembered; 0 and less mean the default.'),
    ),
    DEFAULT_SIZE,
  ),
  prefixMatchInfoProducerName: producerName('prefix matches'),
  prefixPluginType: unused,
  prefixPluginName: unused,
});

type Parameters = v.InferOutput<typeof parameters>;

/**
 * Spreads cold requests, of which no candidate has a block cached: the i-th of n candidates scores 1 - i / (n - 1), first
 * those that never got a cold request, in table order, then the others by how long ago they got their last; a single
 * one scores 1. Other requests score 0.5 everywhere. Source: contract 3.4.
 */
export const noHitLruScorer = definePlugin({
  kind: 'scorer',
  type: 'no-hit-lru-scorer',
  stability: 'beta',
  summary: 'Sends prompts nobody has cached to the endpoint that got one the longest ago.',
  config: parameters,
  warnings: (config) =>
    (['prefixPluginType', 'prefixPluginName'] as const)
      .filter((name) => config[name] !== undefined)
      .map((name) => ({ at: [name], message: 'is deprecated and has no effect' })),
  consumes: (config) => [prefixMatchKey(config)],
  create: (config, context) => new NoHitLru(config, context),
});

class NoHitLru implements Scorer, Hooks {
  readonly #matchOf: Reader<PrefixMatch>;
  readonly #used: RecentSlots;
  /** Place in the candidates of the slots that were used, plus 1; all 0 between two calls. */
  readonly #places = new Uint16Array(MAX_ENDPOINTS);
  /** The request scored last, and whether it is cold for every profile that asked. */
  #request: InferenceRequest | undefined;
  #cold = false;

  constructor(config: Parameters, context: PluginContext) {
    this.#matchOf = context.read(prefixMatchKey(config));
    this.#used = new RecentSlots(config.lruSize);
  }

  score(request: InferenceRequest, candidates: Candidates, out: Float64Array): void {
    const cold = isCold(this.#matchOf(request), candidates);
    this.#cold = cold && (request !== this.#request || this.#cold);
    this.#request = request;
    if (cold) this.#scoreCold(candidates, out);
    else out.fill(NEUTRAL, 0, candidates.length);
  }

  onPicked(request: InferenceRequest, schedule: Schedule): void {
    const cold = request === this.#request && this.#cold;
    this.#request = undefined;
    if (!cold) return;
    for (const profile of [schedule.primary, PREFILL]) {
      const slot = schedule.picks.get(profile)?.[0];
      if (slot !== undefined) this.#used.use(slot);
    }
  }

  onEndpointRemoved(slot: number): void {
    this.#used.remove(slot);
  }

  #scoreCold(candidates: Candidates, out: Float64Array): void {
    const used = this.#used;
    const places = this.#places;
    const last = Math.max(1, candidates.length - 1);
    let rank = 0;
    for (let i = 0; i < candidates.length; i++) {
      const slot = candidates[i];
      if (used.has(slot)) places[slot] = i + 1;
      else out[i] = 1 - rank++ / last;
    }
    for (let slot = used.oldest; slot >= 0; slot = used.newerThan(slot)) {
      const place = places[slot];
      if (place === 0) continue;
      places[slot] = 0;
      out[place - 1] = 1 - rank++ / last;
    }
  }
}

function isCold(match: PrefixMatch | undefined, candidates: Candidates): boolean {
  if (match === undefined) return true;
  const { blocksBySlot } = match;
  for (let i = 0; i < candidates.length; i++) if (countAt(blocksBySlot, candidates[i]) > 0) return false;
  return true;
}
