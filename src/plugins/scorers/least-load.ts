import type { Candidates } from '../../core/endpoint.ts';
import type { Scorer } from '../../core/kinds.ts';

/** What an endpoint scores when its load is unknown: neither idle, which would draw all traffic, nor full. */
const UNKNOWN = 0.5;

/**
 * Scores by least load: (max - load) / (max - min) over the candidates whose load is known, 1 for all when they are
 * equal (contract 3.4). Unknown loads (`NaN`) take no part in the range. `readLoads` writes the loads of the candidates
 * in one go: asked for one by one, each unknown one would cost an object.
 */
export function leastLoad(readLoads: (candidates: Candidates, out: Float64Array) => void): Scorer {
  return {
    score(_request, candidates, out) {
      readLoads(candidates, out);
      const { length } = candidates;
      let min = Number.POSITIVE_INFINITY;
      let max = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < length; i++) {
        const load = out[i];
        if (load < min) min = load;
        if (load > max) max = load;
      }
      const range = max - min;
      for (let i = 0; i < length; i++) {
        const load = out[i];
        if (Number.isNaN(load)) out[i] = UNKNOWN;
        else out[i] = range > 0 ? (max - load) / range : 1;
      }
    },
  };
}
