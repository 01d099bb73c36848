import * as v from 'valibot';
import { ACTIVE_MODELS, WAITING_MODELS } from '../../core/endpoint-facts.ts';
import type { LoraInfo } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { MAX_ENDPOINTS } from '../../datastore/columns.ts';

const ACTIVE = 1;
const ROOM = 0.8;
const WAITING = 0.6;
/** Whether there is room for an adapter is unknown: less than if there were, and more than if there were none. */
const UNKNOWN = 0.5;
const FULL = 0;

/**
 * Prefers endpoints that can serve the request's LoRA adapter at once: 1 where it is active, else 0.8 where another one
 * still fits, active + waiting < maximum, else 0.6 where it is waited for, else 0. A server may list one adapter both
 * as active and waiting, which counts once. One that tells nothing of adapters scores 0.5, as does one that has not the
 * adapter and does not tell how many fit: a vLLM server tells nothing without LoRA. Source: contract 3.4.
 */
export const loraAffinityScorer = definePlugin({
  kind: 'scorer',
  type: 'lora-affinity-scorer',
  stability: 'beta',
  summary: 'Prefers endpoints that have the LoRA adapter of the request active, or room for it.',
  config: v.strictObject({}),
  reads: () => [ACTIVE_MODELS, WAITING_MODELS],
  create(_config, { endpoints }) {
    const otherwise = new WorthOtherwise();
    return {
      score({ targetModel }, candidates, out) {
        for (let i = 0; i < candidates.length; i++) {
          const slot = candidates[i];
          const info = endpoints.lora(slot);
          // Stores apart: of a conditional V8 would make an object for every number.
          if (info === undefined) out[i] = UNKNOWN;
          else if (info.active.has(targetModel)) out[i] = ACTIVE;
          else {
            const worth = otherwise.of(slot, info);
            if (worth < WAITING && info.waiting.has(targetModel)) out[i] = WAITING;
            else out[i] = worth;
          }
        }
      },
      onEndpointRemoved: (slot) => otherwise.forget(slot),
    };
  },
});

/** What an adapter an endpoint does not know of is worth there; worked out when the server tells something new. */
class WorthOtherwise {
  readonly #infos: (LoraInfo | undefined)[] = [];
  readonly #worth = new Float64Array(MAX_ENDPOINTS);

  of(slot: number, info: LoraInfo): number {
    if (this.#infos[slot] !== info) {
      this.#infos[slot] = info;
      this.#worth[slot] = worthOfAnother(info);
    }
    return this.#worth[slot];
  }

  forget(slot: number): void {
    this.#infos[slot] = undefined;
  }
}

function worthOfAnother({ active, waiting, maxActive }: LoraInfo): number {
  if (Number.isNaN(maxActive)) return UNKNOWN;
  return active.union(waiting).size < maxActive ? ROOM : FULL;
}
