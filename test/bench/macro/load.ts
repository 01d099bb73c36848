import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { EXT_PROC_PROCESS_PATH } from '../../../src/protos/ext-proc.ts';
import { quantile } from '../harness.ts';
import type { Conversation } from './conversation.ts';
import { H2Connection } from './h2-connection.ts';

/** Requests in a closed loop: `connections` times `streams` of them are under way until all have been made. */
export interface Load {
  readonly port: number;
  /** What the peer is called in `:authority`. */
  readonly authority: string;
  /** Sent in turn. */
  readonly conversations: readonly Conversation[];
  readonly requests: number;
  readonly connections: number;
  readonly streams: number;
  /** Default: the path of ext_proc. */
  readonly path?: string;
  /** Default: cleartext. */
  readonly tls?: boolean;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly meanMs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Makes the requests of a load; rejects when any of them is refused, fails or is cut off. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const latenciesMs = new Float64Array(load.requests);
  const target = { path: load.path ?? EXT_PROC_PROCESS_PATH, authority: load.authority };
  let begun = 0;
  let done = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const next = (connection: H2Connection): void => {
    if (begun === load.requests) return;
    const { bytes, bodyBytes } = load.conversations[begun++ % load.conversations.length];
    const openedMs = performance.now();
    connection.open(bytes, (receivedBytes = -1) => {
      if (receivedBytes < bodyBytes) {
        return reject(new Error(`a request of ${bodyBytes} bytes was answered with ${receivedBytes} bytes`));
      }
      latenciesMs[done++] = performance.now() - openedMs;
      if (done === load.requests) resolve();
      else next(connection);
    });
  };
  const onEnd = (): void => reject(new Error(`a connection to port ${load.port} was closed`));
  const connections = Array.from({ length: load.connections }, () => new H2Connection(dial(load), target, onEnd));
  const startedMs = performance.now();
  for (let stream = 0; stream < load.streams; stream++) for (const connection of connections) next(connection);
  try {
    await promise;
  } finally {
    for (const connection of connections) connection.close();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  latenciesMs.sort();
  const meanMs = latenciesMs.reduce((sum, each) => sum + each, 0) / load.requests;
  return {
    perSecond: load.requests / seconds,
    meanMs,
    medianMs: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}

function dial({ port, tls }: Load): Duplex {
  const where = { port, host: '127.0.0.1' };
  const socket =
    tls === true ? connectTls({ ...where, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : connect(where);
  // As every gateway: else one stream at a time waits for the peer's delayed acknowledgements.
  return socket.setNoDelay(true);
}
