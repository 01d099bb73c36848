import { type Agent, type IncomingMessage, request } from 'node:http';
import { type HeaderList, toRaw } from './header-list.ts';

/** Istio's default: two retries, so three endpoints of the list at most. */
const MAX_ATTEMPTS = 3;
const CONNECT_TIMEOUT_MS = 10_000;

/** A request ready to be sent to a model server. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** A response that has begun. */
export interface UpstreamResponse {
  /** The `host:port` that answers. */
  readonly served: string;
  /** How many others were tried before. */
  readonly retries: number;
  readonly message: IncomingMessage;
}

/**
 * Sends to the first of `destinations` that answers, in order. A server that refuses, or goes away before the first
 * byte of a response, passes the request on to the next. Rejects with the last error when none is left.
 */
export async function sendToFirst(
  destinations: readonly string[],
  message: UpstreamRequest,
  agent: Agent,
  signal: AbortSignal,
): Promise<UpstreamResponse> {
  const tried = destinations.slice(0, MAX_ATTEMPTS);
  let last: unknown = new Error('the picker named no endpoint');
  for (const [retries, served] of tried.entries()) {
    try {
      return { served, retries, message: await send(served, message, agent, signal) };
    } catch (error) {
      if (signal.aborted) throw error;
      last = error;
    }
  }
  throw last;
}

function send(hostPort: string, message: UpstreamRequest, agent: Agent, signal: AbortSignal): Promise<IncomingMessage> {
  const { hostname, port } = new URL(`http://${hostPort}`);
  const length = message.body.length === 0 ? [] : ['content-length', String(message.body.length)];
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent,
      hostname: hostname.replaceAll(/[[\]]/g, ''),
      port: port === '' ? 80 : Number(port),
      method: message.method,
      path: message.path,
      headers: [...toRaw(message.headers), ...length],
      signal,
    });
    // A node that is gone answers nothing; the server itself may take as long as it likes.
    const timer = setTimeout(() => outgoing.destroy(new Error(`no connection to ${hostPort}`)), CONNECT_TIMEOUT_MS);
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) clearTimeout(timer);
      else socket.once('connect', () => clearTimeout(timer));
    });
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.once('response', resolve);
    outgoing.end(message.body);
  });
}
