import { type DataKey, keyText, type Reader, type Writer } from '../core/data.ts';
import { ConfigError } from '../core/errors.ts';

/**
 * Gives every data key its place in `InferenceRequest.data`, so that reading one is an array access, and keeps what
 * producers share about endpoints. A board made from an earlier one has the same places, so that a plugin can move
 * from one configuration to the next with what it has bound.
 */
export class DataBoard {
  readonly #places: Map<string, number>;
  readonly #shared = new Map<string, unknown>();

  constructor(earlier?: DataBoard) {
    this.#places = earlier === undefined ? new Map<string, number>() : earlier.#places;
  }

  reader<T>(key: DataKey<T>): Reader<T> {
    const place = this.#place(key);
    return (request) => request.data[place] as T | undefined;
  }

  writer<T>(key: DataKey<T>): Writer<T> {
    const place = this.#place(key);
    return (request, value) => {
      request.data[place] = value;
    };
  }

  share<T>(key: DataKey<T>, value: T): void {
    this.#shared.set(keyText(key), value);
  }

  /** Throws `ConfigError` when nobody shares anything under `key`. */
  shared<T>(key: DataKey<T>): T {
    const text = keyText(key);
    if (!this.#shared.has(text)) throw new ConfigError(`nothing is shared under ${text}`);
    return this.#shared.get(text) as T;
  }

  /** Takes over what `earlier` has under `key`, if anything. */
  keep(key: DataKey<unknown>, earlier: DataBoard): void {
    const text = keyText(key);
    if (earlier.#shared.has(text)) this.#shared.set(text, earlier.#shared.get(text));
  }

  #place(key: DataKey<unknown>): number {
    const name = keyText(key);
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(name, place);
    }
    return place;
  }
}
