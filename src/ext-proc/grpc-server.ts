import { Server, type ServerOptions } from '@grpc/grpc-js';
import { ConfigError } from '../core/errors.ts';

/**
 * Envoy resets every ext_proc stream when its HTTP request is done. Node takes more than 1,000 resets, or 33 a second
 * after that, for an attack (CVE-2023-44487) and closes the connection with everything on it, so any sustained load
 * would lose requests. These bounds are per connection, above what one gateway can send and still bounds.
 */
const RESETS = { streamResetBurst: 100_000, streamResetRate: 50_000 };

/** Streams one connection may have open: a gateway keeps one per request in flight, answers included. */
const MAX_STREAMS_PER_CONNECTION = 100_000;

/**
 * A gateway that vanished without a word answers no ping, and its connection goes with all its streams. A ping that is
 * answered says that a proxy lives, not that its streams do: those have their own time-out.
 */
const KEEPALIVE = { timeMs: 30_000, timeoutMs: 20_000 };

export interface GrpcServerOptions {
  /** Longest message taken, in bytes; 4 MiB when undefined. */
  readonly maxReceiveBytes?: number | undefined;
  /** Longest message sent, in bytes; no limit when undefined. */
  readonly maxSendBytes?: number | undefined;
  /** Pause between pings of a connection and how long its answer may take, in ms; 30,000 and 20,000 when undefined. */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number } | undefined;
}

/** A gRPC server fit for gateways; it has no port yet. Throws `ConfigError` when the gRPC library has changed inside. */
export function createGrpcServer(options: GrpcServerOptions = {}): Server {
  const { timeMs, timeoutMs } = options.keepalive ?? KEEPALIVE;
  const settings: ServerOptions = {
    'grpc.keepalive_time_ms': timeMs,
    'grpc.keepalive_timeout_ms': timeoutMs,
    'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
    'grpc.max_send_message_length': options.maxSendBytes ?? -1,
  };
  if (options.maxReceiveBytes !== undefined) settings['grpc.max_receive_message_length'] = options.maxReceiveBytes;
  const server = new Server(settings);
  // The library has no option for the HTTP/2 server's settings; it hands this object to every one it makes.
  const http2Settings: unknown = Reflect.get(server, 'commonServerOptions');
  if (typeof http2Settings !== 'object' || http2Settings === null) {
    throw new ConfigError(
      'this release of @grpc/grpc-js keeps its HTTP/2 settings elsewhere; pin the one in package.json',
    );
  }
  Object.assign(http2Settings, RESETS);
  return server;
}
