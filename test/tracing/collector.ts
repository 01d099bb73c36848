import { createServer } from 'node:http';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

// The part of OTLP that is looked at, after opentelemetry-proto v1 (trace.proto, resource.proto, common.proto).
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ExportRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
    int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; Status status = 15;
  }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; Value value = 2; }
  message Value { oneof value { string text = 1; bool flag = 2; int64 int = 3; double real = 4; List list = 5; } }
  message List { repeated Value values = 1; }
`);
const EXPORT_REQUEST = root.lookupType('ExportRequest');

/** A span as it arrived. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2 is an error. */
  readonly statusCode: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  stop(): Promise<void>;
}

/** An OTLP collector over gRPC that keeps what it is sent. */
export async function startGrpcCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const server = new Server();
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
  server.addService(
    { Export: method },
    {
      Export: (call: { request: Buffer }, answer: (error: null, bytes: Buffer) => void) => {
        spans.push(...decode(call.request));
        answer(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { url: `http://127.0.0.1:${port}`, spans, stop: () => Promise.resolve(server.forceShutdown()) };
}

/** An OTLP collector over HTTP that keeps what it is sent, or answers with `status`. */
export async function startHttpCollector(status = 200): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (request.url === '/v1/traces') spans.push(...decode(Buffer.concat(pieces)));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface WireValue {
  readonly list?: { readonly values?: readonly WireValue[] };
  readonly [kind: string]: unknown;
}
interface WirePair {
  readonly key: string;
  readonly value: WireValue;
}
interface WireSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly WirePair[];
  readonly status?: { readonly code?: number };
}
interface WireExport {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes?: readonly WirePair[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

function decode(bytes: Uint8Array): CollectedSpan[] {
  const asPlain = { longs: String, bytes: String };
  const exported = EXPORT_REQUEST.toObject(EXPORT_REQUEST.decode(bytes), asPlain) as WireExport;
  return exported.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => collected(span, record(resource.attributes)))),
  );
}

function collected(span: WireSpan, resource: Record<string, unknown>): CollectedSpan {
  return {
    name: span.name,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId ?? ''),
    traceState: span.traceState ?? '',
    kind: span.kind,
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
    attributes: record(span.attributes),
    statusCode: span.status?.code ?? 0,
    resource,
  };
}

function record(pairs: readonly WirePair[] = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function plain({ list, int, ...rest }: WireValue): unknown {
  if (list !== undefined) return (list.values ?? []).map(plain);
  return int === undefined ? Object.values(rest)[0] : Number(int);
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
