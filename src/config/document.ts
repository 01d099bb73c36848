import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
} from 'yaml';
import type { Document, YAMLError } from 'yaml';

/** Where a value sits in its document: keys and indices from the top. */
export type Path = readonly (string | number)[];

/** A place in a text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with a text, before anything knows what the text is for. */
export interface SyntaxProblem {
  readonly position: Position;
  readonly message: string;
}

/** A text that is YAML or JSON, as plain data that still knows its places. */
export interface SourceDocument {
  /** Objects, arrays, strings, finite numbers, booleans and null only. Undefined for a text without content. */
  readonly value: unknown;
  /** Where the value at `path` begins, or its key, or else the nearest thing around it that is written out. */
  position(path: Path, part?: 'key' | 'value'): Position;
}

/** Far above any real configuration; what comes later would otherwise pay for a file named by mistake. */
const MAX_CHARACTERS = 1024 * 1024;
const TOO_DEEP = 'the text is nested too deeply';
const START: Position = { line: 1, column: 1 };

/**
 * Reads YAML or JSON strictly: duplicate keys, unknown tags and anything JSON cannot say are problems, all of them
 * reported. Only the first document of a stream may have content. Never throws.
 */
export function readDocument(text: string): { document: SourceDocument } | { problems: readonly SyntaxProblem[] } {
  if (text.length > MAX_CHARACTERS) return problem(START, `the text is longer than ${MAX_CHARACTERS} characters`);
  try {
    return read(text);
  } catch (error) {
    if (error instanceof RangeError) return problem(START, TOO_DEEP);
    return problem(START, error instanceof Error ? oneLine(error.message) : 'the text cannot be read');
  }
}

function read(text: string): ReturnType<typeof readDocument> {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const options = { lineCounter: lines, prettyErrors: false, merge: true, stringKeys: true, uniqueKeys: true } as const;
  const parsed = parseAllDocuments(text, { ...options, logLevel: 'error' });
  const documents: Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const first = documents[0];
  if (first === undefined) return { document: { value: undefined, position: () => START } };
  const problems = syntaxProblems(documents, at);
  const extra = documents.slice(1).find((document) => !isEmpty(document));
  if (extra !== undefined) {
    problems.push({ position: at(extra.contents?.range[0] ?? 0), message: 'found a second document, expected one' });
  }
  if (problems.length > 0) return { problems };
  const value: unknown = isEmpty(first) ? undefined : first.toJS({ maxAliasCount: 1000 });
  const foreign = foreignValue(value, []);
  const position = (path: Path, part: 'key' | 'value' = 'value'): Position => at(locate(first, path, part));
  if (foreign !== undefined) return problem(position(foreign), 'found a value that JSON cannot hold');
  return { document: { value, position } };
}

function syntaxProblems(documents: readonly Document.Parsed[], at: (offset: number) => Position): SyntaxProblem[] {
  const describe = ({ pos, message }: YAMLError): SyntaxProblem => ({
    position: at(pos[0]),
    message: oneLine(message),
  });
  return documents.flatMap(({ errors, warnings }) => [...errors, ...warnings].map(describe));
}

function isEmpty(document: Document.Parsed): boolean {
  return document.contents === null || (isScalar(document.contents) && document.contents.source === '');
}

/** Path of the first value that is not plain JSON data. */
function foreignValue(value: unknown, path: Path): Path | undefined {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
    return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object') return path;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return path;
  for (const [key, inner] of Object.entries(value)) {
    const found = foreignValue(inner, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Offset of the last step of `path` that the text spells out. */
function locate(document: Document.Parsed, path: Path, part: 'key' | 'value'): number {
  let node: Node | null | undefined = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const found = child(document, node, step);
    if (found === undefined) return offset;
    const wantsKey = part === 'key' && depth === path.length - 1;
    offset = (wantsKey ? found.key : undefined) ?? found.value?.range?.[0] ?? found.key ?? offset;
    node = found.value;
  }
  return offset;
}

interface Child {
  readonly key: number | undefined;
  readonly value: ParsedNode | Node | undefined;
}

function child(document: Document.Parsed, parent: Node | null | undefined, step: string | number): Child | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq<Node>(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { key: undefined, value: item };
  }
  if (!isMap<Node, Node>(node)) return undefined;
  const named = node.items.filter((pair) => isPair(pair) && isScalar(pair.key));
  const wanted = String(step);
  const nameOf = (pair: (typeof named)[number]): string => (isScalar(pair.key) ? String(pair.key.value) : '');
  // Parameter names match whatever their case, so a path may spell a key otherwise than the text does.
  const pair =
    named.find((candidate) => nameOf(candidate) === wanted) ??
    named.find((candidate) => nameOf(candidate).toLowerCase() === wanted.toLowerCase());
  return pair && { key: pair.key.range?.[0], value: pair.value ?? undefined };
}

function problem(position: Position, message: string): { problems: readonly SyntaxProblem[] } {
  return { problems: [{ position, message }] };
}

function oneLine(message: string): string {
  if (message.startsWith('Maximum call stack size')) return TOO_DEEP;
  return message.replaceAll(/\s+/g, ' ').trim();
}
