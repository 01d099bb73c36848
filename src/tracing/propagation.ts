import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { B3InjectEncoding, B3Propagator, X_B3_PARENT_SPAN_ID } from '@opentelemetry/propagator-b3';
import type { Headers } from '../core/headers.ts';

/** Where a request's trace came from, and how its headers have to change for the server behind us. */
export interface Incoming {
  /** Parent of our span; the root where the request came with none. */
  readonly context: Context;
  /** The caller speaks B3: in one header, in several, or not at all. */
  readonly b3: 'single' | 'multi' | undefined;
  /** There is a `tracestate` that belongs to no trace any more. */
  readonly strayState: boolean;
}

/** Headers that make our span the parent of what the server does. */
export interface Outgoing {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

const w3c = new W3CTraceContextPropagator();
const b3 = {
  single: new B3Propagator(),
  multi: new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
};
const getter = { get: (headers: Headers, name: string) => headers.get(name), keys: () => [] };
const setter = { set: (list: [string, string][], name: string, value: string) => void list.push([name, value]) };

/** Reads W3C trace context, or B3 where there is none (or none that is valid). */
export function extract(headers: Headers): Incoming {
  const fromW3c = w3c.extract(ROOT_CONTEXT, headers, getter);
  const known = trace.getSpanContext(fromW3c) !== undefined;
  return {
    context: known ? fromW3c : b3.single.extract(ROOT_CONTEXT, headers, getter),
    b3: b3Form(headers),
    strayState: !known && headers.get('tracestate') !== undefined,
  };
}

/**
 * Names our span to the server. `tracestate` and `baggage` go on as they came, for we add nothing to either and a
 * repeated header would lose all but its last value; B3 is rewritten where the caller used it, or a server that prefers
 * it would take the caller for its parent.
 */
export function inject(span: SpanContext, incoming: Incoming): Outgoing {
  if (!isSpanContextValid(span)) return { set: [], remove: [] };
  const sampled = (span.traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01';
  const set: [string, string][] = [['traceparent', `00-${span.traceId}-${span.spanId}-${sampled}`]];
  const remove = incoming.strayState ? ['tracestate'] : [];
  if (incoming.b3 !== undefined) {
    b3[incoming.b3].inject(trace.setSpanContext(ROOT_CONTEXT, span), set, setter);
    if (incoming.b3 === 'multi') remove.push(X_B3_PARENT_SPAN_ID);
  }
  return { set, remove };
}

function b3Form(headers: Headers): Incoming['b3'] {
  if (headers.get('b3') !== undefined) return 'single';
  return headers.get('x-b3-traceid') === undefined ? undefined : 'multi';
}
