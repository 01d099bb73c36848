import type { Headers } from '../core/headers.ts';
import type { Dialect } from '../core/request.ts';
import type { Objectives } from '../datastore/objectives.ts';
import { controlValue, OBJECTIVE } from './control-headers.ts';
import { type ParserChoice, requestPath } from './parser-choice.ts';

/** What the headers of a request tell before its body is there. */
export interface RequestHeadReader {
  /** As its objective says; 0 where it names none. */
  priorityOf(headers: Headers): number;
  /** Whose error objects the client expects. */
  dialectOf(headers: Headers): Dialect;
}

/** Priority of a request; 0 without an objective, or with one nobody knows. */
export function priorityOf(headers: Headers, objectives: Objectives): number {
  return objectives.priorityOf(controlValue(headers, OBJECTIVE));
}

/** Whose error objects the client of a request expects, by its path. */
export function dialectOf(headers: Headers, parsers: ParserChoice): Dialect {
  const path = requestPath((name) => headers.get(name));
  return parsers.forPath(path)?.dialect(path) ?? 'none';
}
