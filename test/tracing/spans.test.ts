import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import { tracingOf } from '../../src/tracing/sdk.ts';
import type { Tracing } from '../../src/tracing/tracing.ts';
import { inferenceRequest } from '../kit/plugins.ts';
import { idlePool } from '../kit/pool.ts';
import { carry, tracedDirector, tracingOptions } from './rig.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SAMPLED = { traceparent: `00-${TRACE}-${CALLER}-01` };

function rig(size = 3, sampled = true) {
  const exporter = new InMemorySpanExporter();
  const root = sampled ? new AlwaysOnSampler() : new AlwaysOffSampler();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const tracing: Tracing = tracingOf(provider, tracingOptions());
  const pool = idlePool(size);
  const director = tracedDirector(pool, tracing);
  const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
  const span = (name: string): ReadableSpan => {
    const found = spans().filter((candidate) => candidate.name === name);
    expect(found, name).toHaveLength(1);
    return found[0];
  };
  return { director, pool, spans, span };
}

describe('spans of a request', () => {
  it('form one tree below the caller, with the decision in it', () => {
    const { director, pool, spans, span } = rig();
    const { set } = carry(director, { ...SAMPLED, tracestate: 'vendor=1', baggage: 'user=1' });
    const request = span('gateway.request');
    expect(request.spanContext().traceId).toBe(TRACE);
    expect(request.parentSpanContext?.spanId).toBe(CALLER);
    expect(request.spanContext().traceState?.serialize()).toBe('vendor=1');
    const parents = spans().map(({ name, parentSpanContext }) => [
      name,
      spans().find((other) => other.spanContext().spanId === parentSpanContext?.spanId)?.name,
    ]);
    expect(Object.fromEntries(parents)).toEqual({
      'gateway.request': undefined,
      'gateway.request_orchestration': 'gateway.request',
      run_scheduler_profile: 'gateway.request_orchestration',
      filter_endpoints: 'run_scheduler_profile',
      'llm_d.epp.scoring': 'run_scheduler_profile',
      'llm_d.epp.scorer.queue-scorer': 'llm_d.epp.scoring',
      'llm_d.epp.scorer.kv-cache-utilization-scorer': 'llm_d.epp.scoring',
      'llm_d.epp.scorer.prefix-cache-scorer': 'llm_d.epp.scoring',
      pick_endpoints: 'run_scheduler_profile',
    });
    const destination = set['x-gateway-destination-endpoint'].split(',');
    expect(destination).toHaveLength(2);
    expect(span('gateway.request_orchestration').attributes).toEqual({
      target_model: 'm',
      request_prio: 0,
      'gen_ai.request.model': 'm',
      'gen_ai.request.id': 'r1',
      'llm_d.epp.destination_endpoints': destination,
    });
    expect(span('run_scheduler_profile').attributes).toEqual({ 'llm_d.epp.scheduling.profile.name': 'default' });
    expect(span('filter_endpoints').attributes).toMatchObject({
      'llm_d.epp.filter.candidate_endpoints': pool.all.length,
      'llm_d.epp.filter.filtered_endpoints': pool.all.length,
    });
    expect(span('llm_d.epp.scorer.queue-scorer').attributes).toMatchObject({
      'llm_d.epp.scorer.weight': 2,
      'llm_d.epp.scorer.score.picked': 1,
    });
    expect(span('pick_endpoints').attributes).toMatchObject({
      'llm_d.epp.picker.top_endpoints': destination,
      'llm_d.epp.picker.top_scores': [4, 4],
    });
  });

  it('make the server a child of the request, and leave its state and baggage alone', () => {
    const { director, span } = rig();
    const { set, removed } = carry(director, { ...SAMPLED, tracestate: 'vendor=1', baggage: 'user=1' });
    expect(set.traceparent).toBe(`00-${TRACE}-${span('gateway.request').spanContext().spanId}-01`);
    expect(Object.keys(set).sort()).toEqual(['traceparent', 'x-gateway-destination-endpoint']);
    expect(removed).toEqual([]);
  });

  it('start a new trace where the request brings none', () => {
    const { director, span } = rig();
    const { set } = carry(director);
    const { traceId, spanId } = span('gateway.request').spanContext();
    expect(span('gateway.request').parentSpanContext).toBeUndefined();
    expect(set.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  });

  it('follow a caller that speaks B3, in its own form', () => {
    const { director, span } = rig();
    const { set } = carry(director, { b3: `${TRACE}-${CALLER}-1` });
    const ours = span('gateway.request');
    expect(ours.parentSpanContext?.spanId).toBe(CALLER);
    expect(set.traceparent).toBe(`00-${TRACE}-${ours.spanContext().spanId}-01`);
    expect(set.b3).toBe(`${TRACE}-${ours.spanContext().spanId}-1`);
  });

  it.each([
    ['the caller says no', true, { traceparent: `00-${TRACE}-${CALLER}-00` }],
    ['the sampler says no', false, {}],
  ])('are not made where %s; the server hears that, and the trace goes on', (_case, sampled, headers) => {
    const { director, spans } = rig(3, sampled);
    const { set } = carry(director, headers);
    expect(spans()).toEqual([]);
    expect(set.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    if (sampled) expect(set.traceparent).toContain(TRACE);
  });

  it('tell how a request failed', () => {
    const refused = rig(0);
    expect(carry(refused.director).refusal).toBe(503);
    expect(refused.span('gateway.request')).toMatchObject({
      status: { code: 2, message: expect.stringMatching(/^ServiceUnavailable: /) },
      attributes: { 'http.response.status_code': 503, 'llm_d.epp.stream_end': 'complete' },
    });
    expect(refused.span('gateway.request_orchestration').status.code).toBe(2);

    const unread = rig();
    expect(carry(unread.director, {}, { body: 'nope' }).refusal).toBe(400);
    expect(unread.span('gateway.request').status).toMatchObject({ code: 2 });

    const failed = rig();
    carry(failed.director, {}, { status: '500' });
    expect(failed.span('gateway.request').status).toEqual({ code: 2, message: 'model server: 500' });

    const broken = rig();
    carry(broken.director, {}, { endedBy: 'break' });
    expect(broken.span('gateway.request')).toMatchObject({
      status: { code: 2 },
      attributes: { 'llm_d.epp.stream_end': 'error' },
    });
  });

  it('do not fail a request that was served, and keep query and body out', () => {
    const { director, span, spans } = rig();
    carry(director, {}, { status: '499' });
    expect(span('gateway.request')).toMatchObject({
      status: { code: 0 },
      attributes: {
        'http.request.method': 'POST',
        'url.path': '/v1/chat/completions',
        'http.response.status_code': 499,
      },
    });
    expect(JSON.stringify(spans().map(({ attributes }) => attributes))).not.toMatch(/secret|hello/);
  });

  it('leave a request that is not recorded to whoever else listens', () => {
    const { tracing } = faulty();
    const other = (): void => {};
    expect(tracing.listener(inferenceRequest())).toBeUndefined();
    expect(tracing.listener(inferenceRequest(), other)).toBe(other);
  });

  it('end on a fault inside, which goes on to the caller', () => {
    const { spans, fault } = faulty();
    expect(() => fault.open({ get: () => undefined }).decide(undefined, nothing)).toThrow('boom');
    expect(spans().map(({ name, status }) => [name, status.message])).toEqual([
      ['gateway.request_orchestration', 'boom'],
    ]);
  });
});

const nothing = { subset: () => undefined, served: () => undefined };

function faulty() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const exchange = {
    decide: () => {
      throw new Error('boom');
    },
    responseHeaders: () => undefined,
    responseBody: (piece: Uint8Array) => piece,
    responseTrailers: () => Buffer.alloc(0),
    responseMetadata: () => undefined,
    end() {},
  };
  const tracing = tracingOf(provider, tracingOptions());
  const fault = tracing.wrap({ open: () => exchange }, idlePool(1));
  return { tracing, fault, spans: () => exporter.getFinishedSpans() };
}
