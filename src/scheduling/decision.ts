import type { InferenceRequest } from '../core/request.ts';

/** One scorer's part in a decision. */
export interface ScorePart {
  readonly scorer: string;
  readonly weight: number;
  /** In [0, 1], before the weight. */
  readonly value: number;
}

/** Why the winner of a profile won: kept only while somebody listens. */
export interface DecisionRecord {
  readonly request: InferenceRequest;
  readonly profile: string;
  /** How many endpoints came in, and how many the filters left. */
  readonly candidates: number;
  readonly remaining: number;
  /** Slots, best first; a fallback that shares no host or zone with those before it comes before better ones that do. */
  readonly picked: readonly number[];
  /** The first was picked to see whether its metrics are right, whatever its score. */
  readonly isTrial: boolean;
  /** What each scorer said of the winner. */
  readonly scores: readonly (ScorePart & { readonly type: string })[];
  /** Weighted sums of `picked`, in its order. */
  readonly totals: readonly number[];
  /** Picker's clock, ms: the start, then the end of each filter, of each scorer, and of the picker. */
  readonly marks: readonly number[];
}

export type DecisionListener = (decision: DecisionRecord) => void;
