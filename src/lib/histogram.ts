/** A Prometheus histogram: fixed bounds, counts per bucket, sum. */
export class Histogram {
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative; the last one is `+Inf`. */
  readonly counts: Float64Array;
  count = 0;
  sum = 0;

  /** `bounds` are upper bounds, inclusive, rising. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]) index += 1;
    this.counts[index] += 1;
    this.count += 1;
    this.sum += value;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }
}
