import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { NO_ENDPOINTS } from '../core/errors.ts';
import { type Director, NO_METADATA, type Outcome } from '../request/exchange.ts';
import { createLog } from './log.ts';
import { withRequestLog } from './request-log.ts';

const HEADERS = new Map([
  ['x-request-id', 'r1'],
  [':method', 'POST'],
  [':path', '/v1/completions?key=secret'],
  ['authorization', 'Bearer secret'],
]);

function rig(level: string, outcome: Outcome | Promise<Outcome>) {
  const lines: string[] = [];
  const log = createLog(level, { write: (line) => void lines.push(line) });
  const director: Director = {
    open: () => ({
      decide: () => outcome,
      responseHeaders: () => undefined,
      responseBody: (piece) => piece,
      responseTrailers: () => Buffer.alloc(0),
      responseMetadata: () => undefined,
      end() {},
    }),
  };
  const clock = manualClock();
  return { director, clock, lines, logged: withRequestLog(director, log, clock) };
}

describe('request log', () => {
  it('is one line a request at debug, without bodies, queries and credentials', async () => {
    const picked: Outcome = { kind: 'picked', destination: '10.0.0.1:8000', setHeaders: [], removeHeaders: [] };
    const { clock, lines, logged } = rig('debug', Promise.resolve(picked));
    const exchange = logged.open(HEADERS);
    clock.advance(2);
    await exchange.decide([Buffer.from('secret prompt')], NO_METADATA);
    exchange.responseHeaders(new Map([[':status', '200']]), { ...NO_METADATA, served: () => '10.0.0.2:8000' });
    exchange.responseBody(Buffer.from('secret answer'), false);
    clock.advance(5.5);
    exchange.end('complete');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('secret');
    expect(JSON.parse(lines[0])).toMatchObject({
      level: 'debug',
      msg: 'request',
      requestId: 'r1',
      method: 'POST',
      path: '/v1/completions',
      requestBytes: 13,
      destination: '10.0.0.1:8000',
      served: '10.0.0.2:8000',
      status: '200',
      decidedMs: 2,
      durationMs: 7.5,
      responseBytes: 13,
      end: 'complete',
    });
  });

  it('says why a request was refused', () => {
    const { lines, logged } = rig('debug', { kind: 'rejected', rejection: NO_ENDPOINTS, dialect: 'none' });
    const exchange = logged.open(HEADERS);
    void exchange.decide(undefined, NO_METADATA);
    exchange.end('complete');
    expect(lines[0]).toContain('ServiceUnavailable: failed to find endpoint candidates');
  });

  it('stays out of the way at info', () => {
    const { director, logged } = rig('info', { kind: 'rejected', rejection: NO_ENDPOINTS, dialect: 'none' });
    expect(logged).toBe(director);
  });
});
