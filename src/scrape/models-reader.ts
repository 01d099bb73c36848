import * as v from 'valibot';
import type { EndpointFact } from '../datastore/endpoint-facts.ts';
import type { Target } from './loop.ts';
import { GOOD, type PageReader, type Verdict } from './page-reader.ts';

/** Models kept of one server, and the longest name of one; a server with many adapters lists each as a model. */
export const MAX_MODELS = 2048;
const MAX_NAME = 512;

/** The answer of `GET /v1/models` as far as it matters. */
const modelList = v.looseObject({ data: v.array(v.looseObject({ id: v.string() })) });

/** Makes readers of `/v1/models` answers, which tell what changed. */
export function modelsReaders(tell: (fact: EndpointFact) => void): (target: Target) => PageReader {
  return (target) => new ModelsReader(target, tell);
}

class ModelsReader implements PageReader {
  readonly #target: Target;
  readonly #tell: (fact: EndpointFact) => void;
  #models: ReadonlySet<string> | undefined;

  constructor(target: Target, tell: (fact: EndpointFact) => void) {
    this.#target = target;
    this.#tell = tell;
  }

  read(page: Uint8Array): Verdict {
    let answer: unknown;
    try {
      answer = JSON.parse(Buffer.from(page.buffer, page.byteOffset, page.length).toString());
    } catch {
      return { good: false, malformed: true, trouble: 'the answer is not JSON' };
    }
    const list = v.safeParse(modelList, answer);
    if (!list.success) return { good: false, trouble: 'the answer has no list "data" of models with an "id"' };
    const models = new Set<string>();
    for (const { id } of list.output.data) {
      if (id !== '' && id.length <= MAX_NAME && models.size < MAX_MODELS) models.add(id);
    }
    if (this.#models === undefined || !sameNames(this.#models, models)) {
      this.#models = models;
      const { slot, generation } = this.#target;
      this.#tell({ slot, generation, about: 'models', value: models });
    }
    return GOOD;
  }
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
