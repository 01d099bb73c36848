/** Waiting, passed in like time itself. */
export interface Timers {
  /** Calls `fire` once after `ms`; what it returns takes that back. */
  after(ms: number, fire: () => void): () => void;
}
