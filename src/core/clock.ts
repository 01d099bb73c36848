/** Time, passed in everywhere so that tests decide what time it is. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin; never goes back. Fractions are meaningful. */
  nowMs(): number;
}
