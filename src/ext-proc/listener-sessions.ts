import { EventEmitter } from 'node:events';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js';
import { ConfigError } from '../core/errors.ts';
import { RewritingConnection } from './authority/rewriting-connection.ts';

/**
 * Bytes a client may send ahead: http2's default of 65,535 stops a long prompt once per round trip. A stream's window
 * holds nearly every prompt; the connection's bounds what one client can make us keep.
 */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024;

/** A client that has not answered a ping by then will not get a gentler goodbye. */
const GOODBYE_MS = 1000;

/** Every content type of gRPC begins like this. */
const GRPC_TYPE = 'application/grpc';

/** Serves one gRPC call from its first byte. */
export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Handlers by path; calls to other paths are the gRPC library's. */
export type StreamRoutes = Readonly<Record<string, StreamHandler>>;

/** The http2 sessions of one listener, with what grpc-js does not set or do on them. */
export class ListenerSessions {
  private readonly injector: ConnectionInjector;
  private readonly connections = new Map<ServerHttp2Session, Duplex>();
  private injecting: Duplex | undefined;

  /**
   * The sessions come from the http2 server that grpc-js makes for an injector and keeps in a private field. Throws
   * `ConfigError` when the gRPC library has changed inside.
   */
  constructor(server: Server, routes: StreamRoutes) {
    this.injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const servers: unknown = Reflect.get(server, 'http2Servers');
    const latest: unknown = servers instanceof Map ? [...servers.keys()].at(-1) : undefined;
    if (!(latest instanceof EventEmitter)) {
      throw new ConfigError(
        'this release of @grpc/grpc-js keeps its HTTP/2 servers elsewhere; pin the one in package.json',
      );
    }
    latest.on('session', (session: ServerHttp2Session) => this.add(session));
    route(latest as Http2Server, routes);
  }

  /** Gives a connection to the gRPC server. */
  inject(connection: Duplex): void {
    this.injecting = connection;
    this.injector.injectConnection(connection);
    this.injecting = undefined;
  }

  /**
   * Tells clients to open no more streams, and waits until those sent before they read that have come. Without this,
   * the last word of `drain` refuses what is on its way. Only connections that are rewritten can be told: Node has
   * no way to, and no other bytes can be put between those of a session.
   */
  async announce(): Promise<void> {
    await Promise.all(
      [...this.connections].map(async ([session, connection]) => {
        if (!(connection instanceof RewritingConnection) || session.closed || session.destroyed) return;
        connection.announceShutdown();
        await roundTrip(session);
      }),
    );
  }

  /** Refuses new streams, closes each session when its streams have ended, or after `graceMs`. */
  drain(graceMs: number): void {
    this.injector.drain(graceMs);
  }

  /** Lets go of the gRPC server. */
  destroy(): void {
    this.injector.destroy();
  }

  private add(session: ServerHttp2Session): void {
    session.settings({ initialWindowSize: STREAM_WINDOW_BYTES });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    if (this.injecting === undefined) return;
    this.connections.set(session, this.injecting);
    session.once('close', () => this.connections.delete(session));
  }
}

type StreamListener = (...parts: unknown[]) => void;

/** Puts the routes before what the server does with streams. */
function route(server: Http2Server, routes: StreamRoutes): void {
  const listeners = server.listeners('stream') as StreamListener[];
  server.removeAllListeners('stream');
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...more: unknown[]) => {
    const { ':path': path = '', 'content-type': contentType = '' } = headers;
    const handler = Object.hasOwn(routes, path) && contentType.startsWith(GRPC_TYPE) ? routes[path] : undefined;
    if (handler !== undefined) return handler(stream, headers);
    for (const listener of listeners) listener.call(server, stream, headers, ...more);
  });
}

async function roundTrip(session: ServerHttp2Session): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, GOODBYE_MS);
  session.once('close', resolve);
  session.ping(() => resolve());
  await promise;
  clearTimeout(timer);
  session.off('close', resolve);
}
