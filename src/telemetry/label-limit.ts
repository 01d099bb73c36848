/** Distinct values of one label the contract allows; later ones share `other`. */
export const MAX_LABEL_VALUES = 1000;

/** Bounds the cardinality of a label whose values clients choose. The first values seen keep their names. */
export class LabelLimit {
  readonly #seen = new Set<string>();
  readonly #max: number;

  constructor(max: number = MAX_LABEL_VALUES) {
    this.#max = max;
  }

  /** The value to export. */
  of(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= this.#max) return 'other';
    this.#seen.add(value);
    return value;
  }
}
