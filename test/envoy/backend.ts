import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** One request as a model server got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A real small server that remembers what it got and answers as the test says. */
export interface Backend {
  readonly port: number;
  readonly hostPort: string;
  readonly received: Received[];
  /** Default: 200, `{"ok":true}`. `/metrics` is answered before it gets here. */
  answer: (received: Received, response: ServerResponse, request: IncomingMessage) => void;
  /** What `/metrics` says, whatever of it is asked for; an idle server by default. */
  metrics: string;
  /** Refuses connections from now on, and drops those that are open. */
  die(): Promise<void>;
}

/** The metrics of a server with so many requests waiting. */
export const metricsPage = (waiting: number): string => `vllm:num_requests_waiting ${waiting}
vllm:num_requests_running 0
vllm:kv_cache_usage_perc 0
`;

export async function startBackend(): Promise<Backend> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/metrics') === true) {
      response.end(backend.metrics);
      return;
    }
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url: path = '', rawHeaders } = request;
      const received = { method, path, rawHeaders, body: Buffer.concat(pieces) };
      backend.received.push(received);
      backend.answer(received, response, request);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let dead: Promise<void> | undefined;
  const backend: Backend = {
    port,
    hostPort: `127.0.0.1:${port}`,
    received: [],
    metrics: metricsPage(0),
    answer: (_received, response) => {
      response.setHeader('content-type', 'application/json');
      response.end('{"ok":true}');
    },
    die: () => {
      dead ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return dead;
    },
  };
  return backend;
}

/** Values of a header in order, as they came over the wire. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1].toLowerCase() === name);
}
