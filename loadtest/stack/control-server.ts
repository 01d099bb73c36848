import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as v from 'valibot';
import { Churn } from './churn.ts';
import { FAULTS } from './server-process.ts';
import type { Stack } from './stack.ts';

/** Far more than any request here needs. */
const MAX_BODY_BYTES = 4_096;
const MAX_CHURN_PER_SECOND = 50;

const FaultOrder = v.strictObject({ server: v.string(), fault: v.picklist(FAULTS) });
const ChurnOrder = v.strictObject({
  perSecond: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_CHURN_PER_SECOND)),
});

/** What the scripts are allowed to do to a stack, over HTTP on loopback. */
export interface ControlServer {
  /** `http://127.0.0.1:<port>`, the scripts' `FAULT_URL`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `GET /servers` names the servers, `GET /picks` counts the picks of each so far, `GET /picker` tells what is in the
 * picker's books and memory. `POST /faults {"server", "fault"}` answers when the fault is in force, `POST /churn
 * {"perSecond"}` takes servers out of the pool and puts them back until it is 0.
 */
export async function startControlServer(stack: Stack): Promise<ControlServer> {
  const churn = new Churn(stack);
  const answers: Readonly<Record<string, (body: string) => unknown>> = {
    'GET /servers': () => stack.servers.map(({ name, port }) => ({ name, address: `127.0.0.1:${port}` })),
    'GET /picks': () => stack.picker.picks(),
    'GET /picker': () => stack.picker.state(),
    'POST /faults': (body) => inflict(stack, body),
    'POST /churn': async (body) => {
      const { perSecond } = read(ChurnOrder, body);
      await churn.set(perSecond);
      return { perSecond };
    },
  };
  const server = createServer((request, response) => void respond(answers, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await churn.set(0);
      await closeServer(server);
    },
  };
}

async function inflict({ servers }: Stack, body: string): Promise<object> {
  const { server: name, fault } = read(FaultOrder, body);
  const server = servers.find((one) => one.name === name);
  if (server === undefined) throw new BadOrder(`server: there is no "${name}"`);
  await server.inflict(fault);
  return { server: name, fault };
}

class BadOrder extends Error {}

function read<T extends v.GenericSchema>(schema: T, body: string): v.InferOutput<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new BadOrder('the body is not JSON');
  }
  const result = v.safeParse(schema, parsed);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new BadOrder(`${v.getDotPath(issue) ?? 'body'}: ${issue.message}`);
}

async function respond(
  answers: Readonly<Record<string, (body: string) => unknown>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
  const route = `${request.method} ${request.url}`;
  try {
    const body = await readBody(request);
    const handle = Object.hasOwn(answers, route) ? answers[route] : undefined;
    if (handle === undefined) answer(404, { error: `no ${route}; there is ${Object.keys(answers).join(', ')}` });
    else answer(200, await handle(body));
  } catch (error) {
    answer(error instanceof BadOrder ? 400 : 500, { error: error instanceof Error ? error.message : String(error) });
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of request.setEncoding('utf8') as AsyncIterable<string>) {
    body += piece;
    if (body.length > MAX_BODY_BYTES) throw new BadOrder(`the body is over ${MAX_BODY_BYTES} bytes`);
  }
  return body;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
