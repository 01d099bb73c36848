import { decode, isRecord } from '../config/decode.ts';
import { type Path, readDocument, type SourceDocument } from '../config/document.ts';
import { Problems, show } from '../config/problems.ts';
import type { InferenceObjective } from '../datastore/objectives.ts';
import type { ModelRewrite } from '../datastore/rewrites.ts';
import { modelRewriteSchema, objectiveSchema, toObjective, toRewrite } from './object-schema.ts';

/** What an objects file says, or why it says nothing. */
export interface ObjectsFile {
  readonly objectives: readonly InferenceObjective[];
  readonly rewrites: readonly ModelRewrite[];
  /** One line each, `<source>:<line>:<column>: spec.priority: ...`; the lists are to be used only when there are none. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const API_VERSIONS: readonly string[] = ['llm-d.ai/v1alpha2', 'inference.networking.x-k8s.io/v1alpha2'];
const KINDS: readonly string[] = ['InferenceObjective', 'InferenceModelRewrite'];
const EXACT_KEYS = { ignoreCase: false };

/**
 * Reads objects as `kubectl apply` takes them: YAML documents, one object each or a `List` of them, of the groups
 * `llm-d.ai` and, older, `inference.networking.x-k8s.io`. Of two objects with one kind and name the last wins. Objects
 * whose `poolRef` names another pool than `poolName` are left out, as the reference does; where `poolName` is undefined
 * all are taken. A text without any document means no objects. Source: contract 2.4 and 2.5.
 */
export function readObjects(text: string, source: string, poolName?: string): ObjectsFile {
  const reading = new Reading(source, poolName);
  let line = 0;
  // A line that begins with `---` begins a document wherever it stands: no YAML value may contain one.
  for (const part of text.split(/^(?=---(?:\s|$))/m)) {
    reading.read(part, line);
    line += part.split('\n').length - 1;
  }
  return reading.result();
}

class Reading {
  readonly #source: string;
  readonly #poolName: string | undefined;
  readonly #objectives = new Map<string, InferenceObjective>();
  readonly #rewrites = new Map<string, ModelRewrite>();
  readonly #errors: string[] = [];
  readonly #warnings: string[] = [];

  constructor(source: string, poolName: string | undefined) {
    this.#source = source;
    this.#poolName = poolName;
  }

  result(): ObjectsFile {
    return {
      objectives: [...this.#objectives.values()],
      rewrites: [...this.#rewrites.values()],
      errors: this.#errors,
      warnings: this.#warnings,
    };
  }

  /** Reads one document, which begins `above` lines below the top of the file. */
  read(text: string, above: number): void {
    const read = readDocument(text);
    if ('problems' in read) {
      for (const { position, message } of read.problems) {
        this.#errors.push(`${this.#source}:${position.line + above}:${position.column}: ${message}`);
      }
      return;
    }
    const { value } = read.document;
    if (value === undefined || value === null) return;
    const problems = new Problems(this.#source, lowered(read.document, above));
    this.#addDocument(value, problems);
    this.#errors.push(...problems.errors);
    this.#warnings.push(...problems.warnings);
  }

  #addDocument(value: unknown, problems: Problems): void {
    const isList = isRecord(value) && value.kind === 'List' && value.apiVersion === 'v1';
    if (!isList) return this.#addObject(value, [], problems);
    const items: readonly unknown[] = Array.isArray(value.items) ? value.items : [];
    for (const [index, item] of items.entries()) this.#addObject(item, ['items', index], problems);
  }

  #addObject(value: unknown, path: Path, problems: Problems): void {
    if (!isRecord(value)) {
      return problems.error(path, `found ${show(value)}, expected an object with apiVersion, kind, metadata and spec`);
    }
    const known = oneOf(value.apiVersion, API_VERSIONS, [...path, 'apiVersion'], problems);
    if (!oneOf(value.kind, KINDS, [...path, 'kind'], problems) || !known) return;
    if (value.kind === 'InferenceObjective') this.#addObjective(value, path, problems);
    else this.#addRewrite(value, path, problems);
  }

  #addObjective(value: unknown, path: Path, problems: Problems): void {
    const read = decode(objectiveSchema, value, path, EXACT_KEYS, problems);
    if (read === undefined) return;
    const { name } = read.metadata;
    if (!this.#isOurs(read.spec.poolRef?.name, name, path, problems)) return;
    if (this.#objectives.has(name)) problems.warn(path, `replaces an earlier InferenceObjective ${show(name)}`);
    this.#objectives.set(name, toObjective(read));
  }

  #addRewrite(value: unknown, path: Path, problems: Problems): void {
    const read = decode(modelRewriteSchema, value, path, EXACT_KEYS, problems);
    if (read === undefined) return;
    const { name } = read.metadata;
    if (!this.#isOurs(read.spec.poolRef?.name, name, path, problems)) return;
    if (this.#rewrites.has(name)) problems.warn(path, `replaces an earlier InferenceModelRewrite ${show(name)}`);
    this.#rewrites.set(name, toRewrite(read));
  }

  #isOurs(pool: string | undefined, name: string, path: Path, problems: Problems): boolean {
    if (pool === undefined || this.#poolName === undefined || pool === this.#poolName) return true;
    const why = `is for pool ${show(pool)}, not for ${show(this.#poolName)}`;
    problems.warn([...path, 'spec', 'poolRef', 'name'], `${show(name)} is left out: it ${why}`);
    return false;
  }
}

function oneOf(value: unknown, allowed: readonly string[], path: Path, problems: Problems): boolean {
  if (typeof value === 'string' && allowed.includes(value)) return true;
  problems.error(path, `found ${show(value)}, expected ${allowed.join(' or ')}`);
  return false;
}

/** The document as part of a longer text, of which `above` lines come first. */
function lowered(document: SourceDocument, above: number): SourceDocument {
  return {
    value: document.value,
    position(path, part) {
      const { line, column } = document.position(path, part);
      return { line: line + above, column };
    },
  };
}
