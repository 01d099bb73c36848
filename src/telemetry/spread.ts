/** Mean and sample standard deviation, rounded to two decimals as the contract has them. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** The spread of a column over some slots; unknown values (`NaN`) are left out, undefined when none is known. */
export function spreadOf(column: Float64Array, slots: Uint32Array): Spread | undefined {
  let count = 0;
  let mean = 0;
  let squares = 0;
  for (const slot of slots) {
    const value = column[slot];
    if (Number.isNaN(value)) continue;
    // Welford 1962: one pass, no cancellation.
    count++;
    const delta = value - mean;
    mean += delta / count;
    squares += delta * (value - mean);
  }
  if (count === 0) return undefined;
  return { mean: round(mean), deviation: count > 1 ? round(Math.sqrt(squares / (count - 1))) : 0 };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
