import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of the API server: the network between it and a picker, with its faults. */
export interface TcpProxy {
  readonly port: number;
  /** `refuse` closes what is open and every new connection; `stall` carries no more bytes and closes nothing. */
  set(mode: 'pass' | 'refuse' | 'stall'): void;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let mode: 'pass' | 'refuse' | 'stall' = 'pass';
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    if (mode === 'refuse') {
      near.destroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, pair.toReversed()]) {
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
    }
    if (mode === 'stall') stall(pair);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      mode = next;
      for (const pair of pairs) {
        if (next === 'refuse') for (const socket of pair) socket.destroy();
        if (next === 'stall') stall(pair);
      }
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Connections that stalled stay so: that is what a lost peer looks like. */
function stall(pair: readonly [Socket, Socket]): void {
  for (const socket of pair) socket.unpipe().pause();
}
