import { Client, credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeHealthCheckResponse,
  decodeHealthListResponse,
  encodeHealthCheckRequest,
  encodeHealthListRequest,
  HEALTH_CHECK_PATH,
  HEALTH_LIST_PATH,
  HEALTH_WATCH_PATH,
  ServingStatus,
} from '../protos/health.ts';
import { addHealthService } from './health.ts';

const EXT_PROC = 'envoy.service.ext_proc.v3.ExternalProcessor';
const state = { isReady: true, ready: () => state.isReady };
const server = new Server();
const electing = new Server();
let client: Client;
let ofElecting: Client;

beforeAll(async () => {
  addHealthService(server, state);
  client = await clientOf(server);
  addHealthService(electing, { ready: state.ready, electsLeader: true });
  ofElecting = await clientOf(electing);
});

afterAll(() => {
  client.close();
  ofElecting.close();
  server.forceShutdown();
  electing.forceShutdown();
});

async function clientOf(of: Server): Promise<Client> {
  const port = await new Promise<number>((resolve, reject) => {
    of.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure());
}

function check(service: string, of: Client = client): Promise<ServingStatus | null | undefined> {
  return new Promise((resolve, reject) => {
    of.makeUnaryRequest(
      HEALTH_CHECK_PATH,
      () => encodeHealthCheckRequest({ service }),
      decodeHealthCheckResponse,
      {},
      (error, answer) => (error === null ? resolve(answer?.status) : reject(error)),
    );
  });
}

function list(of: Client): Promise<unknown> {
  return new Promise((resolve, reject) => {
    of.makeUnaryRequest(HEALTH_LIST_PATH, encodeHealthListRequest, decodeHealthListResponse, {}, (error, answer) =>
      error === null ? resolve(answer?.statuses) : reject(error),
    );
  });
}

describe('health service', () => {
  it.each([
    ['', true, ServingStatus.SERVING],
    ['readiness', true, ServingStatus.SERVING],
    [EXT_PROC, true, ServingStatus.SERVING],
    ['inference-extension', true, ServingStatus.SERVING],
    ['', false, ServingStatus.NOT_SERVING],
    ['readiness', false, ServingStatus.NOT_SERVING],
    [EXT_PROC, false, ServingStatus.NOT_SERVING],
    ['inference-extension', false, ServingStatus.NOT_SERVING],
    ['liveness', true, ServingStatus.SERVING],
    ['liveness', false, ServingStatus.SERVING],
  ])('says of "%s" when ready is %s: %i', async (service, isReady, expected) => {
    state.isReady = isReady;
    expect(await check(service)).toBe(expected);
  });

  it.each([
    ['', true, ServingStatus.SERVING],
    ['readiness', true, ServingStatus.SERVING],
    [EXT_PROC, true, ServingStatus.SERVING],
    ['', false, ServingStatus.NOT_SERVING],
    ['readiness', false, ServingStatus.NOT_SERVING],
    [EXT_PROC, false, ServingStatus.NOT_SERVING],
    ['liveness', true, ServingStatus.SERVING],
    ['liveness', false, ServingStatus.SERVING],
    ['inference-extension', true, ServingStatus.SERVICE_UNKNOWN],
    ['inference-extension', false, ServingStatus.SERVICE_UNKNOWN],
  ])('with leader election, says of "%s" when ready is %s: %i', async (service, isReady, expected) => {
    state.isReady = isReady;
    expect(await check(service, ofElecting)).toBe(expected);
  });

  it('lists the service gateways check, and with leader election what probes check', async () => {
    state.isReady = false;
    expect(await list(client)).toEqual({ [EXT_PROC]: { status: ServingStatus.NOT_SERVING } });
    expect(await list(ofElecting)).toEqual({
      [EXT_PROC]: { status: ServingStatus.NOT_SERVING },
      liveness: { status: ServingStatus.SERVING },
      readiness: { status: ServingStatus.NOT_SERVING },
    });
  });

  it('does not watch', async () => {
    const call = client.makeServerStreamRequest(
      HEALTH_WATCH_PATH,
      () => encodeHealthCheckRequest({ service: '' }),
      decodeHealthCheckResponse,
      {},
    );
    const code = await new Promise((resolve) => {
      call.on('error', (error: Error & { code?: number }) => resolve(error.code));
      call.resume();
    });
    expect(code).toBe(status.UNIMPLEMENTED);
  });
});
