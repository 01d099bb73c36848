import { type Rejection, reject } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';

const CHECKS = {
  'a string': (value: unknown) => typeof value === 'string',
  'a boolean': (value: unknown) => typeof value === 'boolean',
  'an array': (value: unknown) => Array.isArray(value),
  'an object': isJsonObject,
} as const;

/** What a field may hold when it is there, as an error message says it. */
export type FieldType = keyof typeof CHECKS;

/**
 * Refuses a body in which one of `fields` holds something of another type; absent and null fields pass. `what` names
 * the request in the message.
 */
export function checkFields(
  what: string,
  body: JsonObject,
  fields: Readonly<Record<string, FieldType>>,
): Rejection | undefined {
  // Names alone: an entry would be an array for every field of every request.
  for (const name of Object.keys(fields)) {
    const value = body[name];
    const type = fields[name];
    if (value !== undefined && value !== null && !CHECKS[type](value)) {
      return invalid(what, `${name} must be ${type}`);
    }
  }
  return undefined;
}

/** A 400 that names the request and the reason. */
export function invalid(what: string, reason: string): Rejection {
  return reject('BadRequest', `invalid ${what} request: ${reason}`);
}

/** A string field; empty when it is absent or something else. */
export function stringField(body: JsonObject, name: string): string {
  const value = body[name];
  return typeof value === 'string' ? value : '';
}

/** A token limit counts when it is a non-negative integer; 0 counts. The first that counts is taken. */
export function tokenLimit(...sources: readonly unknown[]): number | undefined {
  return sources.find((value): value is number => Number.isSafeInteger(value) && (value as number) >= 0);
}
