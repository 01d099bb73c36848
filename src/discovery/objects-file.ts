import * as v from 'valibot';
import { decode, isRecord } from '../config/decode.ts';
import { type Path, readDocument, type SourceDocument } from '../config/document.ts';
import { Problems, show } from '../config/problems.ts';
import type { InferenceObjective } from '../datastore/objectives.ts';
import type { ModelRewrite, RewriteRule } from '../datastore/rewrites.ts';

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
const MAX_WEIGHT = 1_000_000;

const requiredText = v.pipe(v.string(), v.nonEmpty('is empty'));
const poolRef = v.optional(
  v.object({ group: v.optional(v.string()), kind: v.optional(v.string()), name: requiredText }),
);
const int32 = v.pipe(v.number(), v.integer(), v.minValue(-(2 ** 31)), v.maxValue(2 ** 31 - 1));
const rule = v.object({
  matches: v.optional(
    v.array(v.object({ model: v.object({ type: v.optional(v.literal('Exact')), value: requiredText }) })),
    [],
  ),
  targets: v.pipe(
    v.array(
      v.object({
        modelRewrite: requiredText,
        weight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WEIGHT))),
      }),
    ),
    v.nonEmpty('is empty, expected at least one target'),
  ),
});

const timestamp = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'is not a time, expected one like 2026-01-31T12:00:00Z'),
);
/** Kubernetes adds a lot to these when it prints an object; only the names read here matter. */
const metadata = v.looseObject({ name: requiredText, creationTimestamp: v.nullish(timestamp) });
const envelope = { apiVersion: v.string(), kind: v.string(), metadata, status: v.optional(v.unknown()) };
const objective = v.object({ ...envelope, spec: v.optional(v.object({ priority: v.optional(int32), poolRef }), {}) });
const modelRewrite = v.object({ ...envelope, spec: v.object({ rules: v.array(rule), poolRef }) });

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
    const read = decode(objective, value, path, EXACT_KEYS, problems);
    if (read === undefined) return;
    const { name } = read.metadata;
    if (!this.#isOurs(read.spec.poolRef?.name, name, path, problems)) return;
    if (this.#objectives.has(name)) problems.warn(path, `replaces an earlier InferenceObjective ${show(name)}`);
    this.#objectives.set(name, { name, priority: read.spec.priority ?? 0 });
  }

  #addRewrite(value: unknown, path: Path, problems: Problems): void {
    const read = decode(modelRewrite, value, path, EXACT_KEYS, problems);
    if (read === undefined) return;
    const { name, creationTimestamp } = read.metadata;
    if (!this.#isOurs(read.spec.poolRef?.name, name, path, problems)) return;
    if (this.#rewrites.has(name)) problems.warn(path, `replaces an earlier InferenceModelRewrite ${show(name)}`);
    const createdAtMs = typeof creationTimestamp !== 'string' ? Infinity : Date.parse(creationTimestamp);
    this.#rewrites.set(name, { name, createdAtMs, rules: read.spec.rules.map(toRule) });
  }

  #isOurs(pool: string | undefined, name: string, path: Path, problems: Problems): boolean {
    if (pool === undefined || this.#poolName === undefined || pool === this.#poolName) return true;
    const why = `is for pool ${show(pool)}, not for ${show(this.#poolName)}`;
    problems.warn([...path, 'spec', 'poolRef', 'name'], `${show(name)} is left out: it ${why}`);
    return false;
  }
}

function toRule({ matches, targets }: v.InferOutput<typeof rule>): RewriteRule {
  return {
    models: matches.map(({ model }) => model.value),
    targets: targets.map(({ modelRewrite: model, weight }) => ({ model, weight })),
  };
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
