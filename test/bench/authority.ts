// Requests per second through the listener that accepts `|` in `:authority`, against a plain grpc-js port.
//   node test/bench/authority.ts [requests per run, default 30000] [body bytes, default 4096]
// Each line: at 64 requests at a time, its ratio to the plain port round by round, and one request at a time.
// Needs h2load (Debian: nghttp2-client) on the PATH. The absolute figures are the machine's; the ratios are the result.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { selfSignedCertificate } from '../../src/ext-proc/certificate.ts';
import { listen } from '../../src/ext-proc/listener.ts';

const REQUESTS = Number(process.argv[2] ?? 30_000);
const ROUNDS = 5;
/** One at a time, a connection that waits for delayed acknowledgements makes some 23 requests per second. */
const SERIAL_REQUESTS = 500;
const RUN_TIMEOUT_MS = 120_000;
const BODY_BYTES = Number(process.argv[3] ?? 4096);
const LEGAL = 'epp.default.svc.cluster.local:9002';
const ISTIO = 'outbound|9002||epp.default.svc.cluster.local';

interface Target {
  readonly name: string;
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly authority: string;
  readonly perSecond: number[];
}

const run = promisify(execFile);

function echoServer(): Server {
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const same = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      echo: {
        path: '/bench.Echo/Echo',
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    { echo: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => reply(null, call.request) },
  );
  return server;
}

function bind(server: Server, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

async function load(target: Target, requests: number, body: string, clients = 4, streams = 16): Promise<number> {
  const { stdout } = await run(
    'h2load',
    [
      '-n',
      String(requests),
      '-c',
      String(clients),
      '-m',
      String(streams),
      '-d',
      body,
      '-H',
      `:authority: ${target.authority}`,
    ]
      .concat(['-H', 'content-type: application/grpc', '-H', 'te: trailers'])
      .concat([`${target.scheme}://127.0.0.1:${target.port}/bench.Echo/Echo`]),
    { timeout: RUN_TIMEOUT_MS },
  );
  const succeeded = /(\d+) 2xx/.exec(stdout)?.[1];
  if (Number(succeeded) !== requests)
    throw new Error(`${target.name}: ${succeeded} of ${requests} answered\n${stdout}`);
  return Number(/([\d.]+) req\/s/.exec(stdout)?.[1]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function main(): Promise<void> {
  await run('h2load', ['--version']).catch(() => {
    throw new Error('h2load is not on the PATH; install nghttp2-client');
  });
  const directory = await mkdtemp(join(tmpdir(), 'authority-bench-'));
  const body = join(directory, 'body');
  const message = Buffer.alloc(5 + BODY_BYTES, 'x');
  message.writeUInt8(0, 0);
  message.writeUInt32BE(BODY_BYTES, 1);
  await writeFile(body, message);

  const pair = await selfSignedCertificate();
  const server = echoServer();
  const ssl = ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(pair.key), cert_chain: Buffer.from(pair.cert) },
  ]);
  const clear = await listen({ server, host: '127.0.0.1', port: 0 });
  const tls = await listen({ server, host: '127.0.0.1', port: 0, tls: pair });
  const clearPlain = await bind(server, ServerCredentials.createInsecure());
  const tlsPlain = await bind(server, ssl);
  const target = (name: string, scheme: 'http' | 'https', port: number, authority: string): Target => ({
    name,
    scheme,
    port,
    authority,
    perSecond: [],
  });
  const groups = [
    [
      target('cleartext, grpc-js port', 'http', clearPlain, LEGAL),
      target('cleartext, listener, legal authority', 'http', clear.port, LEGAL),
      target('cleartext, listener, Istio authority', 'http', clear.port, ISTIO),
    ],
    [
      target('TLS, grpc-js port', 'https', tlsPlain, LEGAL),
      target('TLS, listener, legal authority', 'https', tls.port, LEGAL),
      target('TLS, listener, Istio authority', 'https', tls.port, ISTIO),
    ],
  ];
  try {
    for (const one of groups.flat()) await load(one, Math.ceil(REQUESTS / 5), body);
    // Turn by turn, so that a busy moment of the machine hits all alike.
    for (let round = 0; round < ROUNDS; round++) {
      for (const one of groups.flat()) one.perSecond.push(await load(one, REQUESTS, body));
    }
    for (const group of groups) {
      for (const one of group) {
        const ratios = one.perSecond.map((value, round) => value / group[0].perSecond[round]);
        const figures = `${Math.round(median(one.perSecond))} requests/s, ratio ${median(ratios).toFixed(2)}`;
        const rounds = ratios.map((ratio) => ratio.toFixed(2)).join(' ');
        const serial = Math.round(await load(one, SERIAL_REQUESTS, body, 1, 1));
        process.stdout.write(`${one.name.padEnd(40)} ${figures} (${rounds}), one at a time ${serial}/s\n`);
      }
    }
  } finally {
    await Promise.all([clear.close(), tls.close()]);
    server.forceShutdown();
    await rm(directory, { recursive: true });
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
