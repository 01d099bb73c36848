import { once } from 'node:events';
import { Client, type ClientDuplexStream, credentials, status, type StatusObject } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
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

type Stream = ClientDuplexStream<ProcessingRequest, ProcessingResponse>;

const BODY = '{"model":"m","prompt":"hello"}';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A gateway that goes to the first picker it can reach. */
function gatewayTo(pickers: readonly TestPicker[]): Client {
  const addresses = pickers.map(({ grpcPort }) => `127.0.0.1:${grpcPort}`);
  // One connection each, as proxies have them: grpc-js shares them between clients of the same address otherwise.
  const client = new Client(`ipv4:${addresses.join(',')}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  cleanUps.push(() => client.close());
  return client;
}

function open(client: Client): { readonly stream: Stream; readonly ended: Promise<StatusObject> } {
  const stream: Stream = client.makeBidiStreamRequest(
    EXT_PROC_PROCESS_PATH,
    (each: ProcessingRequest) => Buffer.from(encodeProcessingRequest(each)),
    decodeProcessingResponse,
  );
  stream.on('error', () => undefined);
  const ended = new Promise<StatusObject>((resolve) => {
    stream.once('status', resolve);
  });
  return { stream, ended };
}

function ask(stream: Stream): void {
  stream.write(message.requestHeaders(false, { ':path': '/v1/completions' }));
  stream.write(message.requestBody(BODY, true));
}

function respond(stream: Stream): void {
  stream.write(message.responseHeaders(false));
  stream.write(message.responseBody('{}', true));
  stream.end();
}

const WHOLE = ['request headers', `request body ${BODY}$`, 'response headers', 'response body {}$'];

/** One request from beginning to end: what went wrong with it, if anything did. */
async function request(client: Client): Promise<string | undefined> {
  const { stream, ended } = open(client);
  const answers: string[] = [];
  stream.on('data', (answer: ProcessingResponse) => {
    answers.push(shorten(answer));
    if (answers.length === 2) respond(stream);
  });
  ask(stream);
  const { code, details } = await ended;
  const whole = answers.join() === WHOLE.join();
  return code === status.OK && whole ? undefined : `${code} ${details} after ${answers.join()}`;
}

async function twoPickers(settings: Parameters<typeof startTestPicker>[1]): Promise<TestPicker[]> {
  const pickers = [await startTestPicker([1], settings), await startTestPicker([1])];
  cleanUps.push(() => pickers[1].stop());
  return pickers;
}

describe('a picker that stops under load', () => {
  it.each([0, 200])('loses no request, with a window of %s ms', async (drainTimeoutMs) => {
    const pickers = await twoPickers({ drainTimeoutMs });
    const wrong: (string | undefined)[] = [];
    let done = 0;
    const stopped = new AbortController();
    const client = async (): Promise<void> => {
      const gateway = gatewayTo(pickers);
      while (!stopped.signal.aborted) {
        const fault = await request(gateway);
        if (fault !== undefined) wrong.push(fault);
        done++;
      }
      for (let i = 0; i < 5; i++) wrong.push(...[await request(gateway)].filter((fault) => fault !== undefined));
    };
    const load = Promise.all(Array.from({ length: 40 }, client));
    await eventually('there is load', () => done > 400);
    await pickers[0].stop();
    stopped.abort();
    await load;
    expect(wrong).toEqual([]);
    expect(pickers[0].table.books.total).toBe(0);
  });

  it('lets long answers end within the time for them', async () => {
    const pickers = await twoPickers({ streamDrainTimeoutMs: 60_000 });
    const gateway = gatewayTo(pickers);
    const { stream, ended } = open(gateway);
    ask(stream);
    await once(stream, 'data');
    const stopping = pickers[0].stop();
    await eventually('further requests go to the other picker', async () => {
      expect(await request(gateway)).toBeUndefined();
      return (await pickers[1].metrics()).some((line) => line.startsWith('llm_d_epp_request_total{'));
    });
    respond(stream);
    expect((await ended).code).toBe(status.OK);
    await stopping;
  });

  it('cuts what goes on after the time for it', async () => {
    const pickers = await twoPickers({ streamDrainTimeoutMs: 50 });
    const { stream, ended } = open(gatewayTo(pickers));
    ask(stream);
    await once(stream, 'data');
    await pickers[0].stop();
    expect((await ended).code).not.toBe(status.OK);
    expect(pickers[0].table.books.total).toBe(0);
  });
});
