/** Least-squares slope of `[seconds, value]` points, per minute. NaN of fewer than two. */
export function slopePerMinute(points: readonly (readonly [number, number])[]): number {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  let [covariance, variance] = [0, 0];
  for (const [x, y] of points) {
    covariance += (x - meanX) * (y - meanY);
    variance += (x - meanX) ** 2;
  }
  return (covariance / variance) * 60;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that at least `share` of the values do not exceed (nearest rank); NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** The largest of the counts over their mean, with `zeros` more counts of 0: 1 is perfectly even. */
export function spread(counts: readonly number[], zeros = 0): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Math.max(...counts) / (total / (counts.length + zeros));
}
