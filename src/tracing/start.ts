import { type Environment, tracingPlan } from './plan.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

/**
 * Starts tracing where the environment names an exporter, see `tracingPlan`; undefined where it does not, and then not
 * one module of OpenTelemetry has been loaded. Where to send and with which credentials (`OTEL_EXPORTER_OTLP_*`),
 * `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are read by OpenTelemetry itself, from the process's environment.
 */
export async function startTracing(env: Environment, options: TracingOptions): Promise<Tracing | undefined> {
  const plan = tracingPlan(env, (line) => options.log.warn(line));
  if (plan === undefined) return undefined;
  const { startSdk } = await import('./sdk.ts');
  const tracing = await startSdk(plan, options);
  const ratio = plan.sampler.endsWith('ratio') ? ` ${plan.ratio}` : '';
  options.log.info(`tracing to ${plan.exporters.join(' and ')}, sampler ${plan.sampler}${ratio}`);
  return tracing;
}
