/** One scorer's part in a decision. */
export interface ScorePart {
  readonly scorer: string;
  readonly weight: number;
  /** In [0, 1], before the weight. */
  readonly value: number;
}

/** Why the winner of a profile won: kept only while somebody listens. */
export interface DecisionRecord {
  readonly requestId: string;
  readonly profile: string;
  /** Slots, best first. */
  readonly picked: readonly number[];
  /** What each scorer said of the winner. */
  readonly scores: readonly ScorePart[];
}

export type DecisionListener = (decision: DecisionRecord) => void;
