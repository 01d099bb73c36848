/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type ExporterName = 'otlp' | 'console';
export type OtlpProtocol = 'grpc' | 'http/protobuf';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

/** What the environment asks for. */
export interface TracingPlan {
  /** At least one. */
  readonly exporters: readonly ExporterName[];
  readonly protocol: OtlpProtocol;
  readonly sampler: SamplerName;
  /** Share of new traces that are sampled, in [0, 1]; for the two ratio samplers. */
  readonly ratio: number;
}

const DEFAULT_SAMPLER: SamplerName = 'parentbased_traceidratio';
const DEFAULT_RATIO = 0.1;

/**
 * Reads the `OTEL_*` variables; undefined means no tracing. Without `OTEL_TRACES_EXPORTER` spans are sent only where an
 * OTLP endpoint is named: the reference prints them to standard output then, which fills the logs of everybody who
 * never asked for a trace. What makes no sense is told to `warn` in a line and its default taken.
 */
export function tracingPlan(env: Environment, warn: (line: string) => void): TracingPlan | undefined {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return undefined;
  const exporters = exportersOf(env, warn);
  if (exporters.length === 0) return undefined;
  return { exporters, protocol: protocolOf(env, warn), sampler: samplerOf(env, warn), ratio: ratioOf(env, warn) };
}

function exportersOf(env: Environment, warn: (line: string) => void): readonly ExporterName[] {
  const names = read(env, 'OTEL_TRACES_EXPORTER');
  if (names === undefined) {
    const endpoint = read(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? read(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
    return endpoint === undefined ? [] : ['otlp'];
  }
  const exporters = new Set<ExporterName>();
  for (const name of names.split(',').map((part) => part.trim())) {
    if (name === 'otlp' || name === 'console') exporters.add(name);
    else if (name !== 'none') {
      warn(`OTEL_TRACES_EXPORTER: '${name}' is not known, nothing is sent there; write otlp, console or none`);
    }
  }
  return [...exporters];
}

function protocolOf(env: Environment, warn: (line: string) => void): OtlpProtocol {
  const protocol =
    read(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read(env, 'OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'grpc';
  if (protocol === 'grpc' || protocol === 'http/protobuf') return protocol;
  // Both HTTP encodings share port and path, so a collector told to expect JSON still understands.
  const instead = protocol === 'http/json' ? 'http/protobuf' : 'grpc';
  warn(`OTEL_EXPORTER_OTLP_PROTOCOL: '${protocol}' is not spoken here, ${instead} is used`);
  return instead;
}

function samplerOf(env: Environment, warn: (line: string) => void): SamplerName {
  const name = read(env, 'OTEL_TRACES_SAMPLER');
  if (name === undefined) return DEFAULT_SAMPLER;
  const known = SAMPLERS.find((sampler) => sampler === name);
  if (known === undefined) warn(`OTEL_TRACES_SAMPLER: '${name}' is not known, ${DEFAULT_SAMPLER} is used`);
  return known ?? DEFAULT_SAMPLER;
}

function ratioOf(env: Environment, warn: (line: string) => void): number {
  const text = read(env, 'OTEL_TRACES_SAMPLER_ARG');
  if (text === undefined) return DEFAULT_RATIO;
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  warn(`OTEL_TRACES_SAMPLER_ARG: '${text}' is not a number from 0 to 1, ${DEFAULT_RATIO} is used`);
  return DEFAULT_RATIO;
}

/** A variable's value; empty counts as absent, as OpenTelemetry has it. */
function read(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
