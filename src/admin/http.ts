import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { ConfigError } from '../core/errors.ts';
import { accessOf, type Authorize } from './access.ts';

/** A read-only page: its content type and a function that renders it. */
export interface Page {
  readonly contentType: string;
  render(): string | Promise<string>;
}

/** Certificate chain and private key of the port, PEM. */
export interface AdminKeyPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface AdminTls extends AdminKeyPair {
  /** PEM; when given, clients without a certificate of one of these authorities are refused. */
  readonly clientCa?: string | undefined;
}

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly pages: ReadonlyMap<string, Page>;
  /** `path` is empty when a connection could not be accepted. */
  readonly onError: (path: string, error: unknown) => void;
  /** Cleartext when absent. At least TLS 1.2. */
  readonly tls?: AdminTls | undefined;
  /** Reviews the bearer token of every request; everyone may read when absent. */
  readonly authorize?: Authorize | undefined;
}

export interface AdminServer {
  readonly port: number;
  /** For handshakes from now on. Throws on a pair that does not fit, and then keeps the old one. */
  setSecureContext(pair: AdminKeyPair): void;
  close(): Promise<void>;
}

const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 5_000 };
const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * Serves pages by path, GET and HEAD only. Rejects when the port is taken or the TLS settings do not fit. A page or a
 * review that fails is a 500 and `onError`.
 */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { host, port, tls } = options;
  const server = tls === undefined ? createServer(TIMEOUTS) : createTlsServer({ ...TIMEOUTS, ...contextOf(tls) });
  server.on('request', (req, res) => void respond(req, res, options));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      server.on('error', (error) => options.onError('', error));
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    setSecureContext(pair) {
      if (!(server instanceof TlsServer)) throw new ConfigError('a cleartext port has no certificate to replace');
      server.setSecureContext(contextOf({ ...tls, ...pair }));
    },
    close: () => closeServer(server, sockets),
  };
}

function contextOf({ cert, key, clientCa }: AdminTls): ServerOptions {
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...mutual };
}

async function respond(req: IncomingMessage, res: ServerResponse, options: AdminOptions): Promise<void> {
  const { pages, authorize, onError } = options;
  const path = (req.url ?? '/').split('?', 1)[0];
  try {
    const page = pages.get(path);
    // A path that is nobody's is reviewed as the page everyone comes for: made-up ones are no reason to ask anew.
    const access = await accessOf(req, page === undefined ? '/metrics' : path, authorize);
    if (access === 'unauthenticated') {
      res.setHeader('www-authenticate', 'Bearer');
      return answer(res, 401, 'text/plain', 'a bearer token is needed\n');
    }
    if (access === 'forbidden') return answer(res, 403, 'text/plain', 'this token may not read here\n');
    if (page === undefined) {
      return answer(res, 404, 'text/plain', `not found; there is ${[...pages.keys()].join(', ')}\n`);
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('allow', 'GET, HEAD');
      return answer(res, 405, 'text/plain', 'read only\n');
    }
    answer(res, 200, page.contentType, await page.render());
  } catch (error) {
    onError(path, error);
    answer(res, 500, 'text/plain', 'the page could not be rendered; see the log\n');
  }
}

function answer(res: ServerResponse, status: number, contentType: string, body: string): void {
  res.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

/** Connections in the middle of a TLS handshake are not the HTTP server's yet, so sockets are closed one by one. */
function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}
