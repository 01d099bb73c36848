import type { Candidates } from '../core/endpoint.ts';
import { reject, type Rejection } from '../core/errors.ts';
import type { Admitter, SaturationDetector } from '../core/kinds.ts';
import type { InferenceRequest } from '../core/request.ts';

const SHED = reject('ResourceExhausted', 'system saturated, sheddable request dropped', 'rejected-saturated');

/**
 * Refuses a request of negative priority while its candidates are full; every other passes. Source: contract
 * `config-and-plugins.md` 6.1. Two things differ from the reference: the refusal names its reason in a header, as all
 * others of its kind do, and where there are no candidates at all nobody asks, so that the answer is 503.
 */
export function shed(
  { priority }: InferenceRequest,
  candidates: Candidates,
  detector: SaturationDetector | undefined,
): Rejection | undefined {
  if (priority >= 0 || detector === undefined) return undefined;
  return detector.saturation(candidates) >= 1 ? SHED : undefined;
}

/**
 * The first refusal of an admission plugin; undefined lets the request pass. It keeps its own status: the reference
 * turns every one into a 500 (contract 4.2).
 */
export function deny(
  request: InferenceRequest,
  candidates: Candidates,
  admitters: readonly Admitter[],
): Rejection | undefined {
  for (const admitter of admitters) {
    const denial = admitter.admit(request, candidates);
    if (denial !== undefined) return denial;
  }
  return undefined;
}
