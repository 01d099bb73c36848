import type { DataKey, Reader, Writer } from '../core/data.ts';

/** Gives every data key its place in `InferenceRequest.data`, so that reading one is an array access. */
export class DataBoard {
  readonly #places = new Map<string, number>();

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

  #place(key: DataKey<unknown>): number {
    const name = `${key.type.name}/${key.producer}`;
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(name, place);
    }
    return place;
  }
}
