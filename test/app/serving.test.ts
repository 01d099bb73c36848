import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { type Certificate, selfSignedCertificate } from '../../src/ext-proc/certificate.ts';
import { tlsPolicy } from '../../src/ext-proc/tls-suites.ts';
import {
  decodeProcessingResponse,
  encodeProcessingRequest,
  EXT_PROC_PROCESS_PATH,
  type ProcessingRequest,
  type ProcessingResponse,
} from '../../src/protos/ext-proc.ts';
import { eventually } from '../kit/eventually.ts';
import { startTestPicker, type TestPicker } from '../kit/picker.ts';
import { message, shorten } from '../wire/support.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function picker(...args: Parameters<typeof startTestPicker>): Promise<TestPicker> {
  const started = await startTestPicker(...args);
  cleanups.push(() => started.stop());
  return started;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pointsman-certificate-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function write(path: string, { cert, key }: Certificate): Promise<void> {
  for (const [name, text] of [['tls.crt', cert] as const, ['tls.key', key] as const]) {
    await writeFile(join(path, `${name}.new`), text);
    await rename(join(path, `${name}.new`), join(path, name));
  }
}

/** Fingerprint of the certificate a new connection is shown. */
async function shownAt(port: number, protocol = 'h2'): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: [protocol], rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}

/** How often a certificate was refused; a look between the two files of a writer is a refusal too. */
async function reloadErrors(running: TestPicker): Promise<number> {
  const series = 'llm_d_epp_config_reload_errors_total{file="certificate"} ';
  const line = (await running.metrics()).find((text) => text.startsWith(series));
  return Number(line?.slice(series.length) ?? 0);
}

const fingerprint = ({ cert }: Certificate): string => new X509Certificate(cert).fingerprint256;

type Stream = ClientDuplexStream<ProcessingRequest, ProcessingResponse>;

function open(port: number, secure: boolean): Stream {
  const trust = secure
    ? credentials.createSsl(null, null, null, {
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      })
    : credentials.createInsecure();
  const client = new Client(`127.0.0.1:${port}`, trust, { 'grpc.ssl_target_name_override': 'picker' });
  cleanups.push(() => client.close());
  const stream: Stream = client.makeBidiStreamRequest(
    EXT_PROC_PROCESS_PATH,
    (request: ProcessingRequest) => Buffer.from(encodeProcessingRequest(request)),
    decodeProcessingResponse,
  );
  stream.on('error', () => undefined);
  cleanups.push(() => stream.cancel());
  return stream;
}

async function healthCheck(port: number): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanups.push(() => client.close());
  const same = (bytes: Buffer): Buffer => bytes;
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function codeOf(stream: Stream): Promise<number> {
  return new Promise((resolve) => stream.once('status', ({ code }) => resolve(code)));
}

const SHEDDABLE = `
apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferenceObjective
metadata: { name: background }
spec: { priority: -1, poolRef: { name: test } }
`;

/** A prompt of so many bytes in one message. */
function prompt(bytes: number): ProcessingRequest {
  const start = '{"model":"m","prompt":"';
  return message.requestBody(`${start}${'x'.repeat(bytes - start.length - 2)}"}`, true);
}

describe('the certificate of the gRPC port', () => {
  it('follows its files, keeps the last good one, and lets open streams go on', async () => {
    const path = await folder();
    const [first, second, third] = await Promise.all([
      selfSignedCertificate(),
      selfSignedCertificate(),
      selfSignedCertificate(),
    ]);
    await write(path, first);
    const running = await picker([1], { secure: true, certPath: path, reloadCertificate: true });
    const { grpcPort } = running;
    expect(await shownAt(grpcPort)).toBe(fingerprint(first));
    const stream = open(grpcPort, true);
    stream.write(message.requestHeaders(true, { ':path': '/v1/models' }));
    await once(stream, 'data');

    await write(path, second);
    await eventually('the second certificate is served', async () => (await shownAt(grpcPort)) === fingerprint(second));

    const before = await reloadErrors(running);
    await writeFile(join(path, 'tls.key'), first.key);
    await eventually('the mismatch was told', async () => (await reloadErrors(running)) > before);
    expect(running.logged.map(({ reason }) => String(reason)).join('\n')).toContain('tls.key is not the key of');
    expect(await shownAt(grpcPort)).toBe(fingerprint(second));

    await write(path, third);
    await eventually('the third certificate is served', async () => (await shownAt(grpcPort)) === fingerprint(third));

    stream.write(message.responseHeaders(true));
    const [answer] = (await once(stream, 'data')) as [ProcessingResponse];
    expect(shorten(answer)).toBe('response headers');
  });

  it('stays when nobody asked to follow its files', async () => {
    const path = await folder();
    const first = await selfSignedCertificate();
    await write(path, first);
    const running = await picker([1], { secure: true, certPath: path, metricsCertDir: path });
    await write(path, await selfSignedCertificate());
    // The metrics port always follows; when it has changed, the other would have.
    await eventually(
      'the metrics port follows',
      async () => (await shownAt(running.metricsPort, 'http/1.1')) !== fingerprint(first),
    );
    expect(await shownAt(running.grpcPort)).toBe(fingerprint(first));
  });

  it('is of a kind the cipher suites can use', async () => {
    const tls = tlsPolicy('', ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_RSA_WITH_RC4_128_SHA']);
    const running = await picker([1], { secure: true, tls });
    const socket = connect({
      port: running.grpcPort,
      host: '127.0.0.1',
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    });
    cleanups.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.getCipher().standardName).toBe('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256');
    expect(running.logged).toContainEqual(expect.objectContaining({ suites: ['TLS_RSA_WITH_RC4_128_SHA'] }));
  });
});

describe('TLS of the metrics port', () => {
  it('stops the start when its files do not fit', async () => {
    const path = await folder();
    await expect(picker([1], { metricsCertDir: path })).rejects.toThrow(/cannot read .*tls\.crt.*--metrics-cert-dir/);
    await write(path, await selfSignedCertificate());
    const start = (metricsClientCaFile: string) => picker([1], { metricsCertDir: path, metricsClientCaFile });
    await expect(start(join(path, 'none'))).rejects.toThrow(/cannot read --metrics-client-ca-file .*ENOENT/);
    await expect(start(join(path, 'tls.key'))).rejects.toThrow(/is not a PEM file of certificates/);
    await writeFile(join(path, 'bad.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    await expect(start(join(path, 'bad.pem'))).rejects.toThrow(/is not a PEM file of certificates/);
    const running = await start(join(path, 'tls.crt'));
    await expect(fetch(`http://127.0.0.1:${running.metricsPort}/metrics`)).rejects.toThrow();
  });
});

describe('the gRPC port', () => {
  it('ends a stream with RESOURCE_EXHAUSTED for a message above the limit, not for one at it', async () => {
    const largest = encodeProcessingRequest(prompt(1000)).length;
    const { grpcPort } = await picker([1], { maxReceiveBytes: largest });
    const send = (bytes: number): Stream => {
      const stream = open(grpcPort, false);
      stream.write(message.requestHeaders(false, { ':path': '/v1/completions' }));
      stream.write(prompt(bytes));
      return stream;
    };
    const [answer] = (await once(send(1000), 'data')) as [ProcessingResponse];
    expect(shorten(answer)).toBe('request headers');
    expect(await codeOf(send(1001))).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('refuses requests beyond its limit, the least important first, in the words of their API', async () => {
    const objectives = join(await folder(), 'objects.yaml');
    await writeFile(objectives, SHEDDABLE);
    const running = await picker([1], {
      limits: { maxStreams: 10, maxHeldBodyBytes: 1000 },
      objectsFile: objectives,
    });
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<ProcessingResponse> => {
      const stream = open(running.grpcPort, false);
      stream.write(message.requestHeaders(true, { ':path': path, ...headers }));
      return ((await once(stream, 'data')) as [ProcessingResponse])[0];
    };
    const sheddable = { 'x-llm-d-inference-objective': 'background' };
    for (let i = 0; i < 8; i++) expect(shorten(await ask('/v1/models'))).toBe('request headers');
    const shed = await ask('/v1/completions', sheddable);
    expect(shorten(shed)).toMatch(/^immediate 429 \{"error":.*too many requests are under way in the endpoint picker/);
    for (let i = 0; i < 2; i++) expect(shorten(await ask('/v1/models'))).toBe('request headers');
    const full = (await ask('/v1/chat/completions')).immediateResponse;
    const headers = full?.headers?.setHeaders?.map(({ header }) => [
      header?.key,
      Buffer.from(header?.rawValue ?? []).toString(),
    ]);
    expect(headers).toEqual([
      ['content-type', 'application/json'],
      ['x-llm-d-request-dropped-reason', 'rejected-saturated'],
      ['retry-after', '1'],
    ]);
    const metrics = await running.metrics();
    expect(metrics.filter((line) => line.startsWith('llm_d_epp_capacity'))).toEqual([
      'llm_d_epp_capacity_refusals_total{limit="streams",sheddable="true"} 1',
      'llm_d_epp_capacity_refusals_total{limit="streams",sheddable="false"} 1',
      'llm_d_epp_capacity_used_ratio{limit="streams"} 1',
      'llm_d_epp_capacity_used_ratio{limit="held_body_bytes"} 0',
    ]);
    expect(running.logged.filter(({ msg }) => msg === 'requests are refused for want of room')).toHaveLength(1);
  });

  it('counts streams when asked to, and only then', async () => {
    const counting = await picker([1], { streamMetrics: true, healthOnGrpcPort: true });
    const has = async (line: string) => (await counting.metrics()).includes(`llm_d_epp_extproc_${line}`);
    const stream = open(counting.grpcPort, false);
    stream.write(message.requestHeaders(true, { ':path': '/v1/models' }));
    await once(stream, 'data');
    await healthCheck(counting.grpcPort);
    expect(await has('streams_inflight 1')).toBe(true);
    stream.end();
    await eventually('the stream was counted', () => has('streams_total{code="OK"} 1'));
    expect(await has('streams_inflight 0')).toBe(true);
    expect(await has('stream_duration_seconds_count 1')).toBe(true);
    const silent = await picker([1]);
    expect((await silent.metrics()).filter((line) => line.includes('extproc_stream'))).toEqual([]);
  });
});
