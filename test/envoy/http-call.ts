import { type IncomingMessage, request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Call {
  readonly method?: string;
  /** Flat list: name, value, name, value. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

/** One HTTP/1.1 request on a connection of its own; `host` and the length are added. */
export function call(url: string, path: string, { method = 'POST', headers = [], body }: Call = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))];
    const outgoing = request(`${url}${path}`, {
      method,
      agent: false,
      headers: ['host', new URL(url).host, ...headers, ...length],
    });
    outgoing.on('error', reject);
    outgoing.on('response', (message) => {
      const pieces: Buffer[] = [];
      message.on('data', (piece: Buffer) => pieces.push(piece));
      message.on('error', reject);
      message.on('end', () => {
        const { statusCode: status = 0, headers: received, rawHeaders } = message;
        resolve({ status, headers: received, rawHeaders, body: Buffer.concat(pieces) });
      });
    });
    outgoing.end(body);
  });
}

/** A chat completion request with `text` in it. */
export function chat(text: string, extra: object = {}): string {
  return JSON.stringify({ model: 'm', messages: [{ role: 'user', content: text }], ...extra });
}

/** Waits until `holds`, looking every few milliseconds; rejects with `what` after `timeoutMs`. */
export async function eventually(what: string, holds: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
