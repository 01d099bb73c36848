import * as v from 'valibot';
import { didYouMean } from '../lib/nearest.ts';
import type { Path } from './document.ts';
import { type Problems, show } from './problems.ts';

/** How keys find their field. */
export interface KeyRules {
  /** Go's `encoding/json` takes a key that differs in case only; it does so for plugin parameters. */
  readonly ignoreCase: boolean;
}

/**
 * Checks `value` against a valibot schema and returns its output, or undefined after reporting every problem. Unknown
 * keys are problems wherever the schema lists its keys, but the rest is still read, so that more can be said about
 * it. A null stands for an absent value, as in Go.
 */
export function decode<T>(
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
  path: Path,
  rules: KeyRules,
  problems: Problems,
): T | undefined {
  const tidy = matchKeys(schema, value, path, rules, problems);
  const result = v.safeParse(schema, tidy);
  if (!result.success) {
    for (const issue of result.issues) report(issue, path, problems);
  }
  return result.success ? result.output : undefined;
}

/** The field names a schema lists, or undefined when it takes any key (or is not an object at all). */
export function fieldsOf(schema: v.GenericSchema): Readonly<Record<string, v.GenericSchema>> | undefined {
  const bare = unwrap(schema);
  const closed = bare.type === 'object' || bare.type === 'strict_object';
  return closed && 'entries' in bare && isSchemaRecord(bare.entries) ? bare.entries : undefined;
}

/** The schema of a list's items, or undefined when it is no list. */
export function itemSchemaOf(schema: v.GenericSchema): v.GenericSchema | undefined {
  const bare = unwrap(schema);
  return 'item' in bare && isSchema(bare.item) ? bare.item : undefined;
}

/** The schema inside `optional` and its kin, or undefined when there is none. */
export function wrappedBy(schema: v.GenericSchema): v.GenericSchema | undefined {
  return 'wrapped' in schema && isSchema(schema.wrapped) ? schema.wrapped : undefined;
}

function matchKeys(schema: v.GenericSchema, value: unknown, path: Path, rules: KeyRules, problems: Problems): unknown {
  const bare = unwrap(schema);
  if (Array.isArray(value)) {
    const item = itemSchemaOf(bare);
    return item === undefined ? value : value.map((each, i) => matchKeys(item, each, [...path, i], rules, problems));
  }
  if (!isRecord(value)) return value;
  const fields = fieldsOf(bare);
  if (fields !== undefined) return matchFields(fields, value, path, rules, problems);
  if (bare.type === 'record' && 'value' in bare && isSchema(bare.value)) {
    const { value: element } = bare;
    const entries = Object.entries(value).map(([key, each]): [string, unknown] => [
      key,
      matchKeys(element, each, [...path, key], rules, problems),
    ]);
    return Object.fromEntries(entries);
  }
  return value;
}

function matchFields(
  fields: Readonly<Record<string, v.GenericSchema>>,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  rules: KeyRules,
  problems: Problems,
): Record<string, unknown> {
  const names = Object.keys(fields);
  const found = new Map<string, unknown>();
  for (const [key, each] of Object.entries(value)) {
    const name = fieldName(key, names, rules);
    if (name === undefined) {
      problems.error([...path, key], `unknown key ${show(key)}${hint(key, names)}`, 'key');
    } else if (found.has(name)) {
      problems.error([...path, key], `"${name}" is given twice`, 'key');
    } else if (each === null && !takesNull(fields[name])) {
      found.set(name, undefined);
    } else {
      found.set(name, matchKeys(fields[name], each, [...path, key], rules, problems));
    }
  }
  return Object.fromEntries([...found].filter(([, each]) => each !== undefined));
}

function fieldName(key: string, names: readonly string[], rules: KeyRules): string | undefined {
  if (names.includes(key)) return key;
  const lower = key.toLowerCase();
  return rules.ignoreCase ? names.find((name) => name.toLowerCase() === lower) : undefined;
}

function hint(key: string, names: readonly string[]): string {
  const close = didYouMean(key, names);
  return close === '' ? `: known are ${names.toSorted().join(', ')}` : close;
}

function report(issue: v.BaseIssue<unknown>, base: Path, problems: Problems): void {
  const steps = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
  const path = [...base, ...steps];
  // valibot's own texts begin so; a schema that words its own complaint is quoted as it is.
  const generic = issue.message.startsWith('Invalid ');
  if (!generic) problems.error(path, issue.message);
  else if (issue.received === 'undefined') problems.error(path, 'is required');
  else problems.error(path, `found ${show(issue.input)}, expected ${expectation(issue)}`);
}

const PLAIN_NAMES: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'a map',
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
};

function expectation(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'integer') return 'a whole number';
  if (issue.expected === null) return 'something else';
  return (
    (Object.hasOwn(PLAIN_NAMES, issue.expected) && PLAIN_NAMES[issue.expected]) ||
    issue.expected.replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ' or ')
  );
}

function unwrap(schema: v.GenericSchema): v.GenericSchema {
  const wrapped = wrappedBy(schema);
  return wrapped === undefined ? schema : unwrap(wrapped);
}

function takesNull(schema: v.GenericSchema): boolean {
  return v.safeParse(schema, null).success;
}

function isSchema(value: unknown): value is v.GenericSchema {
  return isRecord(value) && value.kind === 'schema' && '~run' in value;
}

function isSchemaRecord(value: unknown): value is Readonly<Record<string, v.GenericSchema>> {
  return isRecord(value) && Object.values(value).every(isSchema);
}

/** A map, as opposed to a list or a scalar. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
