import type { HeaderEdits, MetadataEdits } from '../core/hooks.ts';

/** Changes to headers as the proxy is told them. */
export interface HeaderChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** Gathers what plugins change in headers; of two changes of one header the later counts. */
export class HeaderDraft implements HeaderEdits {
  #values: Map<string, string | undefined> | undefined;

  set(name: string, value: string): void {
    (this.#values ??= new Map()).set(name, value);
  }

  remove(name: string): void {
    (this.#values ??= new Map()).set(name, undefined);
  }

  /** Undefined when nothing is to change. */
  changes(): HeaderChanges | undefined {
    if (this.#values === undefined) return undefined;
    const set: [string, string][] = [];
    const remove: string[] = [];
    for (const [name, value] of this.#values) {
      if (value === undefined) remove.push(name);
      else set.push([name, value]);
    }
    return { set, remove };
  }
}

/** Metadata by namespace and key. */
export type Metadata = Readonly<Record<string, Readonly<Record<string, number | string>>>>;

/** Gathers what plugins put into the metadata of an answer. */
export class MetadataDraft implements MetadataEdits {
  readonly #namespaces: Record<string, Record<string, number | string>> = {};
  #empty = true;

  set(namespace: string, key: string, value: number | string): void {
    (this.#namespaces[namespace] ??= {})[key] = value;
    this.#empty = false;
  }

  /** Undefined when there is none. */
  metadata(): Metadata | undefined {
    return this.#empty ? undefined : this.#namespaces;
  }
}
