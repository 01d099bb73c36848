import http from 'k6/http';
import { url } from './env.ts';
import type { Picks } from './picks.ts';

/**
 * Where faults are ordered and picks are counted; `npm run loadtest` serves it for its own stack (see
 * `stack/control-server.ts`), anything else that answers the same will do. Empty: there is no such place.
 */
export const FAULT_URL = url('FAULT_URL', ['http', 'https']);

export type Fault = 'kill' | 'hang' | 'errors' | 'none';

export function serverNames(): string[] {
  return (call('GET', '/servers') as { name: string }[]).map(({ name }) => name);
}

/** Returns when the fault is in force, for `none` when the server can serve again. */
export function inflict(server: string, fault: Fault): void {
  call('POST', '/faults', { server, fault });
}

export function readPicks(): Picks {
  return call('GET', '/picks') as Picks;
}

export function readPicker(): { inflight: number; residentBytes: number } {
  return call('GET', '/picker') as { inflight: number; residentBytes: number };
}

/** Takes servers out of the pool and puts them back, so many changes a second. */
export function churn(perSecond: number): void {
  call('POST', '/churn', { perSecond });
}

/** Throws with the answer when it is not 200. Kept out of the metrics of the requests under test by its tag. */
function call(method: 'GET' | 'POST', path: string, body?: object): unknown {
  const answer = http.request(method, `${FAULT_URL}${path}`, body === undefined ? null : JSON.stringify(body), {
    tags: { name: 'fault-api' },
    responseType: 'text',
    timeout: '40s',
  });
  if (answer.status !== 200) throw new Error(`${method} ${FAULT_URL}${path}: ${answer.error} ${answer.body}`);
  return JSON.parse(answer.body);
}
