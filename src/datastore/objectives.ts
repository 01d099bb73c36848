/** How important the requests are that name it. */
export interface InferenceObjective {
  readonly name: string;
  /** Higher is more important; negative may be shed when the pool is full. */
  readonly priority: number;
}

/** Priority of a request that names no objective, or one nobody knows. */
const DEFAULT_PRIORITY = 0;

/** The objectives of the pool, by name. Source: contract 2.4. */
export class Objectives {
  #priorities: ReadonlyMap<string, number> = new Map();

  /** The pool now has exactly these; of two with one name the last counts. */
  replace(objectives: readonly InferenceObjective[]): void {
    this.#priorities = new Map(objectives.map(({ name, priority }) => [name, priority]));
  }

  /** Priority of the objective called `name`; 0 for an unknown one and for none. */
  priorityOf(name: string | undefined): number {
    return name === undefined ? DEFAULT_PRIORITY : (this.#priorities.get(name) ?? DEFAULT_PRIORITY);
  }
}
