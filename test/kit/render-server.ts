import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the picker asked for. */
export interface RenderCall {
  readonly path: string;
  readonly body: { readonly model?: string; readonly messages?: unknown; readonly prompt?: unknown };
}

/** Stands in for a server with vLLM's render API, on a free loopback port. */
export interface RenderServer {
  readonly port: number;
  /** All but warm-up calls, in the order they came. */
  readonly calls: RenderCall[];
  /** Answers calls from now on; the response may be left hanging. */
  answer: (call: RenderCall, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Answers with the token ids `idsOf` gives. */
export function answerIds(idsOf: (call: RenderCall) => readonly number[]): RenderServer['answer'] {
  return (call, response) => {
    const answer = { request_id: 'r', token_ids: idsOf(call) };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(call.path.startsWith('/v1/chat') ? answer : [answer]));
  };
}

export async function startRenderServer(): Promise<RenderServer> {
  const calls: RenderCall[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    const call: RenderCall = { path: request.url ?? '', body: JSON.parse(text) as RenderCall['body'] };
    const warmUp = text.includes('"warmup"') || text.includes('data:image/png');
    if (warmUp) return answerIds(() => [0])(call, response);
    calls.push(call);
    return running.answer(call, response);
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const running: RenderServer = {
    port: (server.address() as AddressInfo).port,
    calls,
    answer: answerIds(() => [0]),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return running;
}
