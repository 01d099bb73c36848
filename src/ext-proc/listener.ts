import { once } from 'node:events';
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  TLSSocket,
  type SecureContextOptions,
  type SecureVersion,
  Server as TlsServer,
} from 'node:tls';
import type { Server } from '@grpc/grpc-js';
import { ConfigError } from '../core/errors.ts';
import { errorMessage } from '../lib/error-message.ts';
import { peekAuthority, type Peek } from './authority/peek.ts';
import { ListenerSessions, type StreamRoutes } from './listener-sessions.ts';

const PEEK_TIMEOUT_MS = 50;
const PEEK_MAX_BYTES = 64 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A gateway's node that vanished is noticed by the kernel after this silence and its probes, not never. */
const KEEPALIVE_DELAY_MS = 15_000;
/** Connections the kernel keeps for us while a burst of gateways connects; it may allow fewer. */
const BACKLOG = 4096;

/** Certificate chain and private key, PEM. */
export interface KeyPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ListenerTls extends KeyPair {
  /** Oldest TLS version accepted; Node's default (1.2) when absent. */
  readonly minVersion?: SecureVersion | undefined;
  /** Suites in OpenSSL's notation; Node's default when absent. */
  readonly ciphers?: string | undefined;
}

/** What a listener has to say; `pino` loggers fit. */
export interface ListenerLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ListenOptions {
  /** Serves the connections. Its keepalive, message size and stream limits are the caller's; it needs no port bound. */
  readonly server: Server;
  /** Calls that are served past the gRPC library's own stack, by path. None by default. */
  readonly routes?: StreamRoutes | undefined;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Cleartext HTTP/2 when absent. */
  readonly tls?: ListenerTls | undefined;
  readonly log?: ListenerLog | undefined;
  /** How long a connection's first request is waited for before the rewriter goes in unasked. Default 50. */
  readonly peekTimeoutMs?: number | undefined;
  /** A TLS handshake that takes longer is cut off. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Further connections are closed at once. No limit by default. */
  readonly maxConnections?: number | undefined;
}

/** A port that feeds a gRPC server. */
export interface Listener {
  readonly port: number;
  /** Connections open now, handshakes under way included. */
  connections(): number;
  /** For handshakes from now on; throws on a pair that does not fit, and then keeps the old one. Connections stay. */
  setSecureContext(pair: KeyPair): void;
  /** Frees the port. What is connected is served as before, new streams included. */
  stopAccepting(): void;
  /**
   * Stops accepting, tells every client to send nothing new, waits for the streams under way, then closes; after
   * `graceMs` whatever is left is cut off. Resolves when every connection is closed.
   */
  drain(graceMs: number): Promise<void>;
  /** `drain`, then lets go of the gRPC server. Default: at once. */
  close(graceMs?: number): Promise<void>;
}

/** Opens the port. Rejects with `ConfigError` when it cannot be had or the TLS settings do not fit. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const listener = new GrpcListener(options);
  await listener.open();
  return listener;
}

class GrpcListener implements Listener {
  private readonly options: ListenOptions;
  private readonly acceptor: NetServer | TlsServer;
  private readonly sessions: ListenerSessions;
  /** Accepted sockets, the ones below TLS. */
  private readonly sockets = new Set<Socket>();
  private readonly peeks = new Set<Peek>();
  private onEmpty: (() => void) | undefined;
  private draining: Promise<void> | undefined;
  private boundPort = 0;
  private warnedOfDrop = false;

  constructor(options: ListenOptions) {
    this.options = options;
    this.acceptor = this.createAcceptor(options.tls);
    this.sessions = new ListenerSessions(options.server, options.routes ?? {});
  }

  async open(): Promise<void> {
    const { host, port, log } = this.options;
    this.acceptor.listen({ host, port, backlog: BACKLOG });
    try {
      await once(this.acceptor, 'listening');
    } catch (error) {
      this.sessions.destroy();
      throw new ConfigError(
        `cannot listen on ${host} port ${port}: ${errorMessage(error)}; choose a free port or another address`,
      );
    }
    this.boundPort = (this.acceptor.address() as AddressInfo).port;
    this.acceptor.on('error', (error) => log?.warn({ err: error }, 'a connection could not be accepted'));
  }

  get port(): number {
    return this.boundPort;
  }

  connections(): number {
    return this.sockets.size;
  }

  setSecureContext(pair: KeyPair): void {
    if (!(this.acceptor instanceof TlsServer)) throw new ConfigError('a cleartext port has no certificate to replace');
    this.acceptor.setSecureContext(checked(contextOptions({ ...this.options.tls, ...pair })));
  }

  stopAccepting(): void {
    this.acceptor.close();
  }

  drain(graceMs: number): Promise<void> {
    this.draining ??= this.drainOnce(graceMs);
    return this.draining;
  }

  async close(graceMs = 0): Promise<void> {
    const drained = this.drain(graceMs);
    const timer = setTimeout(() => this.cutOff(), graceMs);
    await drained;
    clearTimeout(timer);
    this.sessions.destroy();
  }

  private async drainOnce(graceMs: number): Promise<void> {
    this.stopAccepting();
    const empty = this.empty();
    const timer = setTimeout(() => this.cutOff(), graceMs);
    // A connection whose first request is not there yet becomes a session, so that it is told as well.
    for (const peek of this.peeks) peek.settle();
    await Promise.race([this.sessions.announce(), empty]);
    this.sessions.drain(graceMs);
    await empty;
    clearTimeout(timer);
  }

  /** Resolves when no connection is left. */
  private empty(): Promise<void> {
    if (this.sockets.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.onEmpty = resolve;
    return promise;
  }

  private cutOff(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private createAcceptor(tls: ListenerTls | undefined): NetServer | TlsServer {
    // http2 sets `noDelay` itself, but not through a rewritten connection; see `RewritingConnection`.
    const shared = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_DELAY_MS };
    const acceptor = tls === undefined ? createServer(shared) : this.createTlsAcceptor(tls, shared);
    if (this.options.maxConnections !== undefined) acceptor.maxConnections = this.options.maxConnections;
    acceptor.on('connection', (socket: Socket) => this.track(socket));
    acceptor.on('drop', () => this.warnOfDrop());
    if (tls === undefined) acceptor.on('connection', (socket: Socket) => this.serve(socket));
    return acceptor;
  }

  private createTlsAcceptor(tls: ListenerTls, shared: object): TlsServer {
    const acceptor = createTlsServer({
      ...shared,
      ...checked(contextOptions(tls)),
      ALPNProtocols: ['h2'],
      handshakeTimeout: this.options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    });
    acceptor.on('secureConnection', (socket) => this.serve(socket));
    acceptor.on('tlsClientError', (error, socket) => {
      this.options.log?.debug({ err: error }, 'TLS handshake failed');
      socket.destroy();
    });
    return acceptor;
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (this.sockets.size === 0) this.onEmpty?.();
    });
    this.surviveErrorsOf(socket);
  }

  private serve(socket: Socket): void {
    if (socket instanceof TLSSocket) {
      this.surviveErrorsOf(socket);
      // No protocol was agreed on: http2 says so to the client in words.
      if (socket.alpnProtocol !== 'h2') {
        this.sessions.inject(socket);
        return;
      }
    }
    if (this.draining !== undefined) {
      socket.destroy();
      return;
    }
    const limits = { timeoutMs: this.options.peekTimeoutMs ?? PEEK_TIMEOUT_MS, maxBytes: PEEK_MAX_BYTES };
    const peek = peekAuthority(socket, limits, (connection) => {
      if (connection !== undefined) this.sessions.inject(connection);
      this.peeks.delete(peek);
    });
    this.peeks.add(peek);
  }

  /** A lost connection is the client's business; without a listener it would end the process. */
  private surviveErrorsOf(socket: Socket): void {
    socket.on('error', (error) => this.options.log?.debug({ err: error }, 'connection lost'));
  }

  private warnOfDrop(): void {
    if (this.warnedOfDrop) return;
    this.warnedOfDrop = true;
    this.options.log?.warn(
      { maxConnections: this.options.maxConnections },
      'connection limit reached, closing new connections',
    );
  }
}

function contextOptions({ cert, key, minVersion, ciphers }: ListenerTls): SecureContextOptions {
  return { cert, key, ...(minVersion && { minVersion }), ...(ciphers !== undefined && { ciphers }) };
}

/** Throws `ConfigError` for what a handshake, or Node's own start, would trip over. */
function checked(options: SecureContextOptions): SecureContextOptions {
  try {
    createSecureContext(options);
    return options;
  } catch (error) {
    throw new ConfigError(
      `unusable TLS settings: ${errorMessage(error)}; give a PEM certificate chain with its own private key, and suites in OpenSSL's names`,
    );
  }
}
