import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createGrpcServer } from '../../src/ext-proc/grpc-server.ts';
import { listen } from '../../src/ext-proc/listener.ts';
import { externalProcessor } from '../../src/ext-proc/service.ts';
import { EXT_PROC_PROCESS_PATH } from '../../src/protos/ext-proc.ts';
import { startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { allocateColumns } from '../../src/datastore/columns.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { startTracing } from '../../src/tracing/start.ts';
import type { Tracing } from '../../src/tracing/tracing.ts';
import { startBackend } from '../envoy/backend.ts';
import { eventually } from '../kit/eventually.ts';
import { endpointSpec, idlePool, scraped } from '../kit/pool.ts';
import { type Collector, startGrpcCollector, startHttpCollector } from './collector.ts';
import { carry, CHAT, tracedDirector, tracingOptions } from './rig.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const GATEWAY_SPAN = '00f067aa0ba902b7';

const open: { stop(): unknown }[] = [];
const before = { ...process.env };

afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  Object.assign(process.env, before);
});

function keep<T extends { stop(): unknown }>(part: T): T {
  open.push(part);
  return part;
}

/** Tracing as the environment says; OpenTelemetry reads the process's own for where to send. */
async function tracingTo(env: Record<string, string>, options = tracingOptions()): Promise<Tracing> {
  Object.assign(process.env, env);
  const tracing = await startTracing(process.env, options);
  if (tracing === undefined) throw new Error('tracing is off');
  return tracing;
}

describe('tracing that is off', () => {
  it('is nothing at all, and loads no module of OpenTelemetry', async () => {
    const options = tracingOptions();
    expect(await startTracing({}, options)).toBeUndefined();
    expect(await startTracing({ OTEL_TRACES_EXPORTER: 'none' }, options)).toBeUndefined();
    expect(options.lines).toEqual([]);
    for (const file of ['start.ts', 'plan.ts', 'tracing.ts']) {
      const text = readFileSync(resolve(import.meta.dirname, '../../src/tracing', file), 'utf8');
      expect(text).not.toContain('@opentelemetry');
    }
  });
});

describe('exporting', () => {
  it('shows gateway, picker and model server as one tree (gRPC)', async () => {
    const collector: Collector = keep(await startGrpcCollector());
    const options = tracingOptions();
    const tracing = await tracingTo(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_SAMPLER_ARG: '0',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
      },
      options,
    );
    const backend = await startBackend();
    keep({ stop: () => backend.die() });
    const pool = new EndpointTable(allocateColumns());
    pool.replace([endpointSpec(0, { address: '127.0.0.1', port: backend.port })]);
    scraped(pool, pool.all[0], {});
    const log = createLog('silent');
    const server = createGrpcServer();
    const process = externalProcessor({ director: tracedDirector(pool, tracing), log });
    const listener = await listen({
      server,
      routes: { [EXT_PROC_PROCESS_PATH]: process },
      host: '127.0.0.1',
      port: 0,
      log,
    });
    keep({ stop: () => listener.close(0) });
    const gateway = keep(
      await startEmbeddedGateway({ picker: { address: '127.0.0.1', port: listener.port, tls: false } }),
    );

    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-${GATEWAY_SPAN}-01` },
      body: CHAT,
    });
    expect(answer.status).toBe(200);
    await answer.text();
    await eventually('the stream ended', () => pool.books.total === 0);
    await tracing.shutdown();

    const byName = new Map(collector.spans.map((span) => [span.name, span]));
    const request = byName.get('gateway.request');
    const orchestration = byName.get('gateway.request_orchestration');
    expect(request).toMatchObject({ traceId: TRACE, parentSpanId: GATEWAY_SPAN, kind: 2, statusCode: 0 });
    expect(request?.attributes).toMatchObject({
      'http.response.status_code': 200,
      'llm_d.epp.stream_end': 'complete',
    });
    expect(request?.resource).toMatchObject({
      'service.name': 'llm-d-epp',
      'service.version': '0.0.0-test',
      'deployment.environment': 'test',
    });
    expect(orchestration).toMatchObject({ traceId: TRACE, parentSpanId: request?.spanId });
    expect(orchestration?.attributes).toMatchObject({
      target_model: 'm',
      request_prio: 0,
      'llm_d.epp.destination_endpoints': [backend.hostPort],
    });
    expect(byName.get('run_scheduler_profile')).toMatchObject({ parentSpanId: orchestration?.spanId });
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));

    const { rawHeaders } = backend.received[0];
    const lower = rawHeaders.map((text) => text.toLowerCase());
    expect(lower.filter((text) => text === 'traceparent')).toHaveLength(1);
    expect(rawHeaders[lower.indexOf('traceparent') + 1]).toBe(`00-${TRACE}-${request?.spanId}-01`);
    expect(options.lines).toEqual(['tracing to otlp, sampler parentbased_traceidratio 0']);
  });

  it('speaks OTLP over HTTP, under the name it is given', async () => {
    const collector = keep(await startHttpCollector());
    const tracing = await tracingTo({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_SERVICE_NAME: 'my-picker',
    });
    carry(tracedDirector(idlePool(2), tracing), { ':path': `/${'x'.repeat(5000)}/v1/chat/completions` });
    await tracing.shutdown();
    const request = collector.spans.find(({ name }) => name === 'gateway.request');
    expect(request?.attributes['url.path']).toHaveLength(1024);
    expect(collector.spans).toHaveLength(9);
    expect(collector.spans[0].resource).toMatchObject({ 'service.name': 'my-picker' });
    for (const { startMs, endMs } of collector.spans) expect(endMs).toBeGreaterThanOrEqual(startMs);
  });

  it('serves on where the collector refuses, and says so once', async () => {
    const collector = keep(await startHttpCollector(400));
    const options = tracingOptions();
    const tracing = await tracingTo(
      {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_TRACES_SAMPLER: 'always_on',
      },
      options,
    );
    const director = tracedDirector(idlePool(2), tracing);
    for (let i = 0; i < 10; i++) expect(carry(director).set['x-gateway-destination-endpoint']).toBeDefined();
    await tracing.shutdown();
    expect(carry(director).set['x-gateway-destination-endpoint']).toBeDefined();
    expect(options.lines).toHaveLength(2);
    expect(options.lines[1]).toMatch(/^the last spans could not be sent: /);
  });
});
