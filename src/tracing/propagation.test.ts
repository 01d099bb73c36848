import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import type { Headers } from '../core/headers.ts';
import { extract, inject } from './propagation.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const OURS = { traceId: TRACE, spanId: '1111111111111111', traceFlags: 1 };

const headers = (values: Record<string, string>): Headers => ({ get: (name) => values[name] });
const parentOf = (values: Record<string, string>) => trace.getSpanContext(extract(headers(values)).context);
const injected = (values: Record<string, string>, span = OURS) => inject(span, extract(headers(values)));

describe('extract', () => {
  it.each<[string, Record<string, string>, number]>([
    ['W3C, sampled', { traceparent: `00-${TRACE}-${CALLER}-01` }, 1],
    ['W3C, not sampled', { traceparent: `00-${TRACE}-${CALLER}-00` }, 0],
    ['B3 in one header', { b3: `${TRACE}-${CALLER}-1` }, 1],
    ['B3 in one header, debug', { b3: `${TRACE}-${CALLER}-d` }, 1],
    ['B3 in several', { 'x-b3-traceid': TRACE, 'x-b3-spanid': CALLER, 'x-b3-sampled': '1' }, 1],
    ['B3 in several, not sampled', { 'x-b3-traceid': TRACE, 'x-b3-spanid': CALLER, 'x-b3-sampled': '0' }, 0],
    ['B3 where W3C is broken', { traceparent: 'nonsense', b3: `${TRACE}-${CALLER}-1` }, 1],
    ['W3C before B3', { traceparent: `00-${TRACE}-${CALLER}-00`, b3: `${'a'.repeat(32)}-${CALLER}-1` }, 0],
  ])('reads %s', (_case, values, traceFlags) => {
    expect(parentOf(values)).toMatchObject({ traceId: TRACE, spanId: CALLER, traceFlags, isRemote: true });
  });

  it.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['a broken traceparent', { traceparent: `00-${TRACE}-${CALLER}` }],
    ['an all-zero trace', { traceparent: `00-${'0'.repeat(32)}-${CALLER}-01` }],
    ['a broken b3', { b3: 'x' }],
  ])('takes %s for no parent', (_case, values) => {
    expect(extract(headers(values)).context).toBe(ROOT_CONTEXT);
  });
});

describe('inject', () => {
  it('names our span, sampled or not', () => {
    expect(injected({})).toEqual({ set: [['traceparent', `00-${TRACE}-1111111111111111-01`]], remove: [] });
    expect(injected({}, { ...OURS, traceFlags: 0 }).set).toEqual([['traceparent', `00-${TRACE}-1111111111111111-00`]]);
  });

  it('says nothing of a span that is not valid', () => {
    expect(injected({}, { ...OURS, spanId: '0000000000000000' })).toEqual({ set: [], remove: [] });
  });

  it('leaves the state of a valid trace and removes that of a broken one', () => {
    expect(injected({ traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'a=1' }).remove).toEqual([]);
    expect(injected({ traceparent: 'nonsense', tracestate: 'a=1' }).remove).toEqual(['tracestate']);
  });

  it('answers B3 in the form it came', () => {
    expect(injected({ b3: `${TRACE}-${CALLER}-1` })).toEqual({
      set: [
        ['traceparent', `00-${TRACE}-1111111111111111-01`],
        ['b3', `${TRACE}-1111111111111111-1`],
      ],
      remove: [],
    });
    const several = { 'x-b3-traceid': TRACE, 'x-b3-spanid': CALLER, 'x-b3-parentspanid': CALLER, 'x-b3-sampled': '1' };
    expect(injected(several)).toEqual({
      set: [
        ['traceparent', `00-${TRACE}-1111111111111111-01`],
        ['x-b3-traceid', TRACE],
        ['x-b3-spanid', '1111111111111111'],
        ['x-b3-sampled', '1'],
      ],
      remove: ['x-b3-parentspanid'],
    });
  });
});
