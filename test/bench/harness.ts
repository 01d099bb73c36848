/** One number a case found out. */
export interface Figure {
  /** The case, e.g. `small-8`; what `--only` looks at. */
  readonly name: string;
  /** What was measured, e.g. `CPU per request`. */
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** What it should not exceed, in the same unit. */
  readonly target?: number;
}

/** What a figure is found by. */
export function keyOf({ name, what }: Pick<Figure, 'name' | 'what'>): string {
  return `${name}: ${what}`;
}

export type Unit = 'us' | 'ms' | 'MB' | 'bytes' | 'cores' | '/s' | 'ratio';

/** Units of which more is better; of all others less is. */
export const MORE_IS_BETTER: ReadonlySet<Unit> = new Set(['/s']);

/** How thoroughly to measure. */
export interface Effort {
  /** Fewer rounds and smaller fills: shows that everything runs, not what it costs. */
  readonly quick: boolean;
}

/** A micro benchmark: runs in this process. */
export interface MicroCase {
  /** What `--only` and `--profile` know it by. */
  readonly name: string;
  run(effort: Effort): Iterable<Omit<Figure, 'name'>> | AsyncIterable<Omit<Figure, 'name'>>;
}

/** Where figures go as they are found. */
export type Report = (figure: Figure) => void;

/** The value below which `share` of the sorted `values` lie. */
export function quantile(values: readonly number[] | Float64Array, share: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}

/** The middle of unsorted values. */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
