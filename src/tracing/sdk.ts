import { diag, DiagLogLevel } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Headers } from '../core/headers.ts';
import { errorMessage } from '../lib/error-message.ts';
import type { DecisionListener } from '../scheduling/decision.ts';
import type { ExporterName, OtlpProtocol, TracingPlan } from './plan.ts';
import { withTracing } from './traced-exchange.ts';
import type { Tracing, TracingLog, TracingOptions } from './tracing.ts';

const SERVICE_NAME = 'llm-d-epp';
const SCOPE = 'pointsman';
/** Spans kept while the collector is slow or away; more are dropped. */
const MAX_QUEUED_SPANS = 2048;
const MAX_SPANS_PER_EXPORT = 512;
/** Clients choose paths, model names and request ids: what is longer is cut. */
const MAX_ATTRIBUTE_CHARS = 1024;
const EXPORT_TIMEOUT_MS = 10_000;
const SHUTDOWN_LIMIT_MS = 5_000;
/** An unreachable collector is told about this often, not with every batch. */
const COMPLAINT_INTERVAL_MS = 60_000;

/** Loads the exporters a plan names and starts sending. Use `startTracing`, which loads this file only when needed. */
export async function startSdk(plan: TracingPlan, options: TracingOptions): Promise<Tracing> {
  complainTo(options.log);
  const exporters = await Promise.all(plan.exporters.map((name) => exporterOf(name, plan.protocol)));
  const provider = new TracerProvider({
    resource: resourceOf(options.version),
    sampler: samplerOf(plan),
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_CHARS },
    spanProcessors: exporters.map(
      (exporter) =>
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: MAX_QUEUED_SPANS,
          maxExportBatchSize: MAX_SPANS_PER_EXPORT,
          exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        }),
    ),
  });
  return tracingOf(provider, options);
}

/** Tracing over a provider that stands already. */
export function tracingOf(provider: TracerProvider, { clock, log, version }: TracingOptions): Tracing {
  const tracer = provider.getTracer(SCOPE, version);
  const listeners = new WeakMap<Headers, DecisionListener>();
  const toEpochMs = (clockMs: number): number => performance.timeOrigin + performance.now() - (clock.nowMs() - clockMs);
  return {
    wrap: (director, endpoints) => withTracing(director, { tracer, endpoints, toEpochMs, listeners }),
    listener({ headers }, other) {
      const ours = listeners.get(headers);
      if (ours === undefined || other === undefined) return ours ?? other;
      return (decision) => {
        ours(decision);
        other(decision);
      };
    },
    async shutdown() {
      try {
        await within(SHUTDOWN_LIMIT_MS, provider.shutdown());
      } catch (error) {
        log.warn(`the last spans could not be sent: ${errorMessage(error)}`);
      }
      diag.disable();
    },
  };
}

async function exporterOf(name: ExporterName, protocol: OtlpProtocol): Promise<SpanExporter> {
  if (name === 'console') return new ConsoleSpanExporter();
  const { OTLPTraceExporter } =
    protocol === 'grpc'
      ? await import('@opentelemetry/exporter-trace-otlp-grpc')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function resourceOf(version: string): Resource {
  const ours = resourceFromAttributes({ 'service.name': SERVICE_NAME, 'service.version': version });
  const theirs = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  return defaultResource().merge(ours).merge(theirs);
}

function samplerOf({ sampler, ratio }: TracingPlan): Sampler {
  const roots: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const root = roots[sampler.replace('parentbased_', '')]();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

const silent = (): void => {};

/** What goes wrong in the background ends in the log, and nowhere else. */
function complainTo(log: TracingLog): void {
  let quietUntilMs = 0;
  const complain = (message: string): void => {
    const nowMs = performance.now();
    if (nowMs < quietUntilMs) return;
    quietUntilMs = nowMs + COMPLAINT_INTERVAL_MS;
    log.warn(`tracing: ${message}`);
  };
  const logger = { error: complain, warn: complain, info: silent, debug: silent, verbose: silent };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer from the collector in ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
