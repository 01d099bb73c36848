import { reject } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';

/** Nobody picked has the prompt cached, and the client wants nobody else. Source: contract 4.2. */
export const CACHE_MISSING = reject('PreconditionFailed', 'no decode worker has the requested KV cache');

/** Whether the client wants its request served only where its prompt is cached (`Prefer: if-available`, RFC 7240). */
export function wantsCached(headers: Headers): boolean {
  const prefer = headers.get('prefer');
  return prefer !== undefined && prefer.split(',').some((token) => /^\s*if-available\s*(;|$)/i.test(token));
}
