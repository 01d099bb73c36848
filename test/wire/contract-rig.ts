import { Client, credentials, type status, type StatusObject } from '@grpc/grpc-js';
import { CATALOG } from '../../src/app/catalog.ts';
import { systemClock } from '../../src/app/clock.ts';
import { buildCore, type PickerCore } from '../../src/app/core.ts';
import type { PickerSettings } from '../../src/app/settings.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import type { EndpointSpec } from '../../src/core/endpoint.ts';
import { joinHostPort } from '../../src/lib/host-port.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { createGrpcServer } from '../../src/ext-proc/grpc-server.ts';
import { listen } from '../../src/ext-proc/listener.ts';
import { externalProcessor } from '../../src/ext-proc/service.ts';
import {
  decodeProcessingResponse,
  encodeProcessingRequest,
  EXT_PROC_PROCESS_PATH,
  type HeaderValueOption,
  type ProcessingRequest,
  type ProcessingResponse,
} from '../../src/protos/ext-proc.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { TEST_SETTINGS } from '../kit/picker.ts';
import { type Adapters, scraped, tellLora } from '../kit/pool.ts';
import { message } from './support.ts';

/**
 * Waiting requests and KV-cache use of one pod, as a scrape would have found them, what makes it special, and its LoRA
 * adapters, if it tells of any.
 */
export type Pod = readonly [waiting: number, kvUsage: number, spec?: Partial<EndpointSpec>, lora?: Adapters];

/** One stream, start to end. */
export interface Told {
  readonly answers: readonly ProcessingResponse[];
  readonly code: status;
  /** The destination header, its first endpoint, and the same whole from the metadata for the load balancer. */
  readonly destinations: string | undefined;
  readonly destination: string | undefined;
  readonly metadata: string | undefined;
  /** The request body that goes on, and the response body. */
  readonly requestBytes: Buffer;
  readonly requestBody: string;
  readonly responseBody: string;
  /** Headers set on the request and on the response. */
  readonly set: Readonly<Record<string, string>>;
  readonly responseSet: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
  readonly refusal: Refusal | undefined;
}

export interface Refusal {
  readonly status: number;
  /** The contract's text, dug out of whichever shape the client's API has. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Everything of a picker between its gRPC port and its endpoint table; pods are rows of the table nobody scrapes. */
export interface ContractPicker {
  readonly core: PickerCore;
  /** Sends messages, closes, and collects what comes until the stream has ended. */
  tell(...messages: readonly ProcessingRequest[]): Promise<Told>;
  /** The line of `/metrics` that has all of `parts`, without the prefix of the names. */
  metric(...parts: readonly string[]): Promise<string | undefined>;
  stop(): void;
}

/**
 * Starts a picker with pods `192.168.1.<i + 1>:8000`, an optional configuration in place of the built-in one, and plugins
 * of the test's own that it may name.
 */
export async function startContractPicker(
  pods: readonly Pod[],
  configText?: string,
  plugins: readonly PluginDefinition[] = [],
  changes: Partial<PickerSettings> = {},
): Promise<ContractPicker> {
  const known = new Map([...CATALOG, ...plugins.map((plugin) => [plugin.type, plugin] as const)]);
  const config = resolveConfig(configText, { catalog: known, allowExperimental: true, source: 'test' });
  const metrics = new Metrics({ processMetrics: false });
  const settings = { ...TEST_SETTINGS, fallbackEndpoints: 0, ...changes };
  const core = buildCore(config, settings, metrics, createLog('silent'));
  const specs = pods.map(([, , spec], i): EndpointSpec => {
    return { namespace: 'default', name: `pod-${i}`, address: podAddress(i), port: 8000, labels: {}, ...spec };
  });
  core.table.replace(specs);
  for (const [index, [waiting, kvUsage, , lora]] of pods.entries()) {
    const { address, port } = specs[index];
    const slot = core.table.byHostPort(joinHostPort(address, port))?.slot ?? -1;
    scraped(core.table, slot, { waiting, kvUsage });
    core.table.signals.scrapedAtMs[slot] = systemClock.nowMs();
    if (lora !== undefined) tellLora(core.table, slot, lora);
  }
  const routes = { [EXT_PROC_PROCESS_PATH]: externalProcessor({ director: core.director }) };
  const listener = await listen({ server: createGrpcServer(), routes, host: '127.0.0.1', port: 0 });
  const client = new Client(`127.0.0.1:${listener.port}`, credentials.createInsecure());
  return {
    core,
    tell: (...messages) => tell(client, messages),
    async metric(...parts) {
      const lines = (await metrics.registry.metrics()).split('\n');
      const line = lines.find((each) => parts.every((part) => each.includes(part)));
      return line?.replace('llm_d_epp_', '');
    },
    stop() {
      client.close();
      void listener.close();
    },
  };
}

const podAddress = (index: number): string => `192.168.1.${index + 1}`;
export const podHostPort = (index: number): string => `${podAddress(index)}:8000`;

/** Restricts the request to endpoints, the way a proxy does. */
export function subsetOf(given: ProcessingRequest, ...hostPorts: readonly string[]): ProcessingRequest {
  const values = hostPorts.map((stringValue) => ({ stringValue }));
  const metadataContext: NonNullable<ProcessingRequest['metadataContext']> = {
    filterMetadata: {
      'envoy.lb.subset_hint': { fields: { 'x-gateway-destination-endpoint-subset': { listValue: { values } } } },
    },
  };
  return { ...given, metadataContext };
}

/** Says, the way a proxy does, which endpoint has served. */
export function servedBy(given: ProcessingRequest, hostPort: string): ProcessingRequest {
  const fields = { 'x-gateway-destination-endpoint-served': { stringValue: hostPort } };
  return { ...given, metadataContext: { filterMetadata: { 'envoy.lb': { fields } } } };
}

/** A completions request as the reference's suite sends it. */
export function completion(model: string | undefined, headers: Readonly<Record<string, string>> = {}) {
  const body = JSON.stringify({ max_tokens: 100, model, prompt: 'test1', temperature: 0 });
  return {
    body,
    messages: [
      message.requestHeaders(false, {
        ':path': '/v1/completions',
        hi: 'mom',
        'x-request-id': 'test-request-id',
        ...headers,
      }),
      message.requestBody(body, true),
    ] as const,
  };
}

async function tell(client: Client, messages: readonly ProcessingRequest[]): Promise<Told> {
  const call = client.makeBidiStreamRequest(
    EXT_PROC_PROCESS_PATH,
    (given: ProcessingRequest) => Buffer.from(encodeProcessingRequest(given)),
    decodeProcessingResponse,
  );
  const answers: ProcessingResponse[] = [];
  call.on('data', (answer: ProcessingResponse) => answers.push(answer));
  call.on('error', () => undefined);
  const ended = new Promise<StatusObject>((resolve) => {
    call.once('status', resolve);
  });
  for (const each of messages) call.write(each);
  call.end();
  const { code } = await ended;
  return summary(answers, code);
}

function summary(answers: readonly ProcessingResponse[], code: status): Told {
  const headers = answers.find(({ requestHeaders }) => requestHeaders);
  const mutation = headers?.requestHeaders?.response?.headerMutation;
  const set = fieldsOf(mutation?.setHeaders);
  const { 'x-gateway-destination-endpoint': destinations } = set;
  const requestBytes = bodyOf(answers, 'requestBody');
  return {
    answers,
    code,
    destinations,
    destination: destinations?.split(',')[0],
    metadata: balancerDestination(headers),
    requestBytes,
    requestBody: requestBytes.toString(),
    responseBody: bodyOf(answers, 'responseBody').toString(),
    set: fieldsOf(mutation?.setHeaders),
    responseSet: fieldsOf(
      answers.find(({ responseHeaders }) => responseHeaders)?.responseHeaders?.response?.headerMutation?.setHeaders,
    ),
    removed: mutation?.removeHeaders ?? [],
    refusal: refusalOf(answers),
  };
}

function balancerDestination(answer: ProcessingResponse | undefined): string | undefined {
  const fields = answer?.dynamicMetadata?.fields?.['envoy.lb']?.structValue?.fields;
  return fields?.['x-gateway-destination-endpoint']?.stringValue ?? undefined;
}

function bodyOf(answers: readonly ProcessingResponse[], side: 'requestBody' | 'responseBody'): Buffer {
  const pieces = answers.map((answer) => answer[side]?.response?.bodyMutation?.streamedResponse?.body);
  return Buffer.concat(pieces.map((piece) => piece ?? Buffer.alloc(0)));
}

function refusalOf(answers: readonly ProcessingResponse[]): Refusal | undefined {
  const refusal = answers.find(({ immediateResponse }) => immediateResponse)?.immediateResponse;
  if (!refusal) return undefined;
  const text = Buffer.from(refusal.body ?? []).toString();
  return {
    status: Number(refusal.status?.code),
    message: text.startsWith('{') ? (JSON.parse(text) as { error: { message: string } }).error.message : text,
    headers: fieldsOf(refusal.headers?.setHeaders),
  };
}

function fieldsOf(options: readonly HeaderValueOption[] | null | undefined): Record<string, string> {
  return Object.fromEntries(
    (options ?? []).map(({ header }) => [header?.key ?? '', Buffer.from(header?.rawValue ?? []).toString()]),
  );
}
