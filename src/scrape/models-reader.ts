import type { EndpointFact } from '../datastore/endpoint-facts.ts';
import type { Target } from './loop.ts';
import { GOOD, type PageReader, type Verdict } from './page-reader.ts';

/** Models kept of one server, and the longest name of one; a server with many adapters lists each as a model. */
export const MAX_MODELS = 2048;
const MAX_NAME = 512;

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
    const ids = idsOf(answer);
    if (ids === undefined) return { good: false, trouble: 'the answer has no list "data" of models with an "id"' };
    const models = new Set<string>();
    for (const id of ids) {
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

/** Written out: a schema library would make the worker's code thirty times as large. */
function idsOf(answer: unknown): readonly string[] | undefined {
  const data = field(answer, 'data');
  if (!Array.isArray(data)) return undefined;
  const ids = data.map((model: unknown) => field(model, 'id'));
  return ids.every((id) => typeof id === 'string') ? ids : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
