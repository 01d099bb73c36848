import type { RequestPlan } from '../../src/request/plan.ts';

/** A plan that asks nobody but the parts given. */
export function requestPlan(parts: Pick<RequestPlan, 'parsers' | 'scheduler'> & Partial<RequestPlan>): RequestPlan {
  return { admitters: [], fairnessId: () => undefined, hasCached: () => false, ...parts };
}
