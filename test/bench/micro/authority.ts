// What the listener that accepts `|` in `:authority` costs, against a plain grpc-js port: CPU per request of an echo.
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { framed } from '../../../src/ext-proc/grpc/message-frame.ts';
import { selfSignedCertificate } from '../../../src/ext-proc/certificate.ts';
import { listen } from '../../../src/ext-proc/listener.ts';
import { type Effort, type Figure, median, type MicroCase } from '../harness.ts';
import { ISTIO_AUTHORITY, PLAIN_AUTHORITY } from '../macro/authorities.ts';
import { HelperProcess } from '../macro/helper-process.ts';
import type { Load } from '../macro/load.ts';

const ROUNDS = 5;
const PATH = '/bench.Echo/Echo';

interface Target {
  readonly name: string;
  readonly port: number;
  readonly authority: string;
  readonly tls: boolean;
}

export const authority: MicroCase = {
  name: 'authority',
  async *run(effort) {
    const pair = await selfSignedCertificate();
    const server = echoServer();
    const ssl = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(pair.key), cert_chain: Buffer.from(pair.cert) },
    ]);
    const clear = await listen({ server, host: '127.0.0.1', port: 0 });
    const tls = await listen({ server, host: '127.0.0.1', port: 0, tls: pair });
    const clearPlain = await bind(server, ServerCredentials.createInsecure());
    const tlsPlain = await bind(server, ssl);
    const generator = new HelperProcess();
    try {
      yield* compare('cleartext', clearPlain, clear.port, { generator, effort, tls: false });
      yield* compare('TLS', tlsPlain, tls.port, { generator, effort, tls: true });
    } finally {
      generator.stop();
      await Promise.all([clear.close(), tls.close()]);
      server.forceShutdown();
    }
  },
};

interface Setting {
  readonly generator: HelperProcess;
  readonly effort: Effort;
  readonly tls: boolean;
}

async function* compare(
  kind: string,
  plainPort: number,
  ourPort: number,
  { generator, effort, tls }: Setting,
): AsyncIterable<Omit<Figure, 'name'>> {
  for (const [size, bytes, requests] of [
    ['4 kB', 4096, 5000],
    ['500 kB', 500_000, 300],
  ] as const) {
    const targets: Target[] = [
      { name: '', port: plainPort, authority: PLAIN_AUTHORITY, tls },
      { name: 'legal name', port: ourPort, authority: PLAIN_AUTHORITY, tls },
      { name: "Istio's name", port: ourPort, authority: ISTIO_AUTHORITY, tls },
    ];
    const costs = targets.map((): number[] => []);
    // Turn by turn, so that a busy moment of the machine hits all alike; the first turn is the warm-up.
    for (let round = 0; round <= (effort.quick ? 1 : ROUNDS); round++) {
      for (const [i, target] of targets.entries()) {
        const cost = await cpuPerRequest(generator, target, bytes, requests);
        if (round > 0) costs[i].push(cost);
      }
    }
    for (const [i, { name }] of targets.entries()) {
      if (i === 0) continue;
      const ratios = costs[i].map((cost, round) => cost / costs[0][round]);
      yield { what: `${kind}, ${name}, ${size}, CPU to plain port`, value: median(ratios), unit: 'ratio' };
    }
  }
}

/** CPU microseconds of this process, which serves, for each request of another one. */
async function cpuPerRequest(
  generator: HelperProcess,
  target: Target,
  bodyBytes: number,
  requests: number,
): Promise<number> {
  const bytes = framed(Buffer.alloc(bodyBytes, 'x'));
  const load: Load = {
    ...target,
    path: PATH,
    conversations: [{ bytes, bodyBytes }],
    requests,
    connections: 4,
    streams: 16,
  };
  const before = process.cpuUsage();
  await generator.run(load);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
}

function echoServer(): Server {
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const same = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      echo: {
        path: PATH,
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
