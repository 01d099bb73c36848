import type { Headers } from '../../src/core/headers.ts';

/** Headers by lower-case name. */
export function headersOf(fields: Record<string, string>): Headers {
  return { get: (name) => fields[name] };
}
