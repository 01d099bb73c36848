import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { request } from 'undici';
import { inject } from 'vitest';
import {
  decodeProcessingResponse,
  encodeProcessingRequest,
  EXT_PROC_PROCESS_PATH,
  type ProcessingRequest,
  type ProcessingResponse,
} from '../../src/protos/ext-proc.ts';
import {
  decodeHealthCheckResponse,
  encodeHealthCheckRequest,
  HEALTH_CHECK_PATH,
  ServingStatus,
} from '../../src/protos/health.ts';
import { eventually } from '../kit/eventually.ts';
import { message } from '../wire/support.ts';
import { type ServerProcess, startProcess } from '../kit/server-process.ts';

export interface PickerOptions {
  /** Path of the kubeconfig file. */
  readonly kubeconfig: string;
  /** Flags besides free ports and cleartext. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a gateway was told for a request. */
export interface Picked {
  /** The destination header; undefined for a refusal. */
  readonly destination: string | undefined;
  /** HTTP status of a refusal. */
  readonly refused: number | undefined;
}

/** A line of `/debug/endpoints`. */
export interface ShownEndpoint {
  readonly endpoint: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly level?: string };

/** Runs `pointsman serve` to its end, for command lines and environments it does not start with. */
export async function runPicker({ kubeconfig, args, env }: PickerOptions): Promise<{ code: number; log: string }> {
  const started = await launch({ kubeconfig, args, ...(env && { env }) }, () => undefined);
  await started.ended;
  return { code: started.exitCode() ?? -1, log: started.log() };
}

/** Starts `pointsman serve` as a process; resolves when its ports are open, which is before it knows any endpoint. */
export async function startPickerProcess(options: PickerOptions): Promise<PickerProcess> {
  const lines: LogLine[] = [];
  const server = await launch(options, (line) => {
    if (line.startsWith('{')) lines.push(JSON.parse(line) as LogLine);
  });
  const serving = () => lines.find(({ msg }) => msg === 'serving');
  await eventually('the picker opens its ports', () => serving() !== undefined || !server.isRunning());
  const ports = serving() as { grpcPort: number; healthPort: number; metricsPort: number } | undefined;
  if (ports === undefined) throw new Error(`the picker did not start: ${server.log()}`);
  return new PickerProcess(server, lines, ports);
}

function launch({ kubeconfig, args, env = {} }: PickerOptions, onLine: (line: string) => void): Promise<ServerProcess> {
  const flags = ['--grpc-port=0', '--grpc-health-port=0', '--metrics-port=0', '--secure-serving=false'];
  flags.push('--metrics-endpoint-auth=false');
  const all = [inject('pickerMain'), 'serve', ...flags, '--drain-timeout=0s', ...args];
  // Node of this process: the one of node_modules. Nothing of the machine's own Kubernetes is to be found.
  const { PATH = '', NODE_EXTRA_CA_CERTS: _ca, ...rest } = process.env;
  const clean = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('KUBE')));
  return startProcess(process.execPath, all, { env: { ...clean, PATH, KUBECONFIG: kubeconfig, ...env }, onLine });
}

export class PickerProcess {
  readonly server: ServerProcess;
  /** The log so far, parsed. */
  readonly lines: readonly LogLine[];
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly metricsPort: number;
  readonly #gateway: Client;
  readonly #kubelet: Client;

  constructor(
    server: ServerProcess,
    lines: readonly LogLine[],
    ports: { readonly grpcPort: number; readonly healthPort: number; readonly metricsPort: number },
  ) {
    this.server = server;
    this.lines = lines;
    this.grpcPort = ports.grpcPort;
    this.healthPort = ports.healthPort;
    this.metricsPort = ports.metricsPort;
    this.#gateway = new Client(`127.0.0.1:${ports.grpcPort}`, credentials.createInsecure());
    this.#kubelet = new Client(`127.0.0.1:${ports.healthPort}`, credentials.createInsecure());
  }

  /** The endpoints as the picker shows them. */
  async endpoints(): Promise<ShownEndpoint[]> {
    return JSON.parse(await this.page('/debug/endpoints')) as ShownEndpoint[];
  }

  /** Resolves when the endpoints are exactly these, as `names` has them. */
  async until(...want: readonly string[]): Promise<void> {
    await eventually(want.join(', ') || 'no endpoints', async () => (await this.names()).join() === want.join());
  }

  async untilReady(): Promise<void> {
    await eventually('the picker is ready', async () => (await this.probe('readiness')) === 'SERVING');
  }

  /** `pod-rank-0 address` of every endpoint, sorted. */
  async names(): Promise<string[]> {
    const shown = await this.endpoints();
    return shown.map(({ endpoint, address }) => `${endpoint.replace(/^[^/]*\//, '')} ${address}`).toSorted();
  }

  /** What `/debug/health` says. */
  async health(): Promise<{
    readonly ready: boolean;
    readonly conditions: Readonly<Record<string, string>>;
    readonly discovery: {
      readonly endpoints: number;
      readonly outages: readonly { readonly resource: string; readonly problem: string }[];
    };
    readonly leaderElection?: {
      readonly lease: string;
      readonly identity: string;
      readonly isLeader: boolean;
      readonly holder: string;
      readonly problem?: string;
    };
  }> {
    return JSON.parse(await this.page('/debug/health'));
  }

  /** Status and text of a page for the holder of a token. */
  async read(path: string, token?: string): Promise<{ status: number; text: string }> {
    const { body, statusCode } = await request(`http://127.0.0.1:${this.metricsPort}${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    return { status: statusCode, text: await body.text() };
  }

  async page(path: string): Promise<string> {
    // A connection of its own: one that was idle may be closed just when it is used again.
    const { body } = await request(`http://127.0.0.1:${this.metricsPort}${path}`, { reset: true });
    return body.text();
  }

  /** Sum of a metric family's series whose labels hold `labels`. */
  async metric(family: string, labels = ''): Promise<number> {
    const page = await this.page('/metrics');
    const lines = page.split('\n').filter((line) => new RegExp(`^${family}[{ ]`).test(line) && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** What a kubelet's gRPC probe of `service` sees. */
  async probe(service = ''): Promise<'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'> {
    const { status } = await new Promise<ReturnType<typeof decodeHealthCheckResponse>>((done, fail) => {
      this.#kubelet.makeUnaryRequest(
        HEALTH_CHECK_PATH,
        encodeHealthCheckRequest,
        decodeHealthCheckResponse,
        { service },
        (error, answer) => (error === null && answer !== undefined ? done(answer) : fail(error)),
      );
    });
    return ServingStatus[status ?? 0] as 'SERVING';
  }

  /** Asks for an endpoint as a gateway does, and ends the stream. */
  pick(model = 'm', headers: Readonly<Record<string, string>> = {}): Promise<Picked> {
    const stream: ClientDuplexStream<ProcessingRequest, ProcessingResponse> = this.#gateway.makeBidiStreamRequest(
      EXT_PROC_PROCESS_PATH,
      (sent: ProcessingRequest) => Buffer.from(encodeProcessingRequest(sent)),
      decodeProcessingResponse,
    );
    stream.write(message.requestHeaders(false, { ':path': '/v1/completions', ':method': 'POST', ...headers }));
    stream.write(message.requestBody(JSON.stringify({ model, prompt: 'hello' }), true));
    return new Promise((done, fail) => {
      stream.on('error', fail);
      stream.once('data', ({ requestHeaders, immediateResponse }: ProcessingResponse) => {
        const set = requestHeaders?.response?.headerMutation?.setHeaders ?? [];
        const chosen = set.find(({ header }) => header?.key === 'x-gateway-destination-endpoint')?.header?.rawValue;
        done({
          destination: chosen ? Buffer.from(chosen).toString() : undefined,
          refused: immediateResponse?.status?.code ?? undefined,
        });
        stream.resume();
        stream.end();
      });
    });
  }

  /** Whether a log line contains `text`. */
  said(text: string): boolean {
    return this.lines.some(({ msg }) => msg?.includes(text));
  }

  async stop(): Promise<void> {
    this.#gateway.close();
    this.#kubelet.close();
    await this.server.stop();
  }
}
