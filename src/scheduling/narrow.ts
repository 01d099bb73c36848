import type { Candidates } from '../core/endpoint.ts';

/** The candidates that are kept, in their order: the same array when that is all of them, else one new one. */
export function narrow(candidates: Candidates, keeps: (slot: number) => boolean): Candidates {
  let same = 0;
  while (same < candidates.length && keeps(candidates[same])) same++;
  if (same === candidates.length) return candidates;
  const left = candidates.slice(0, candidates.length - 1);
  let kept = same;
  for (let i = same + 1; i < candidates.length; i++) {
    const slot = candidates[i];
    if (keeps(slot)) left[kept++] = slot;
  }
  return left.subarray(0, kept);
}
