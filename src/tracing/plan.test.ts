import { describe, expect, it } from 'vitest';
import { type Environment, tracingPlan } from './plan.ts';

function read(env: Environment): { plan: ReturnType<typeof tracingPlan>; warnings: string[] } {
  const warnings: string[] = [];
  return { plan: tracingPlan(env, (line) => warnings.push(line)), warnings };
}

describe('tracing plan', () => {
  it.each<[string, Environment]>([
    ['nothing is said', {}],
    ['variables are empty', { OTEL_TRACES_EXPORTER: '', OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['none is asked for', { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317' }],
    ['the SDK is disabled', { OTEL_SDK_DISABLED: 'TRUE', OTEL_TRACES_EXPORTER: 'otlp' }],
    ['only a sampler is set', { OTEL_TRACES_SAMPLER: 'always_on' }],
  ])('is off where %s', (_case, env) => {
    expect(read(env)).toEqual({ plan: undefined, warnings: [] });
  });

  it('sends a tenth of new traces over gRPC by default', () => {
    const expected = { exporters: ['otlp'], protocol: 'grpc', sampler: 'parentbased_traceidratio', ratio: 0.1 };
    expect(read({ OTEL_TRACES_EXPORTER: 'otlp' })).toEqual({ plan: expected, warnings: [] });
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317' })).toEqual({ plan: expected, warnings: [] });
    expect(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4317' })).toEqual({ plan: expected, warnings: [] });
  });

  it('takes what is set', () => {
    const { plan, warnings } = read({
      OTEL_TRACES_EXPORTER: 'otlp, console,otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '1',
    });
    expect(plan).toEqual({
      exporters: ['otlp', 'console'],
      protocol: 'http/protobuf',
      sampler: 'traceidratio',
      ratio: 1,
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['0', 0, 0],
    ['1', 1, 0],
    ['-0.001', 0.1, 1],
    ['1.001', 0.1, 1],
    ['half', 0.1, 1],
  ])('reads the ratio %s as %d', (text, ratio, complaints) => {
    const { plan, warnings } = read({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER_ARG: text });
    expect(plan?.ratio).toBe(ratio);
    expect(warnings).toHaveLength(complaints);
  });

  it('says what it does not know, and goes on with the default', () => {
    const { plan, warnings } = read({
      OTEL_TRACES_EXPORTER: 'otlp,zipkin',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_SAMPLER: 'sometimes',
    });
    expect(plan).toEqual({
      exporters: ['otlp'],
      protocol: 'http/protobuf',
      sampler: 'parentbased_traceidratio',
      ratio: 0.1,
    });
    expect(warnings).toEqual([
      "OTEL_TRACES_EXPORTER: 'zipkin' is not known, nothing is sent there; write otlp, console or none",
      "OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' is not spoken here, http/protobuf is used",
      "OTEL_TRACES_SAMPLER: 'sometimes' is not known, parentbased_traceidratio is used",
    ]);
  });
});
