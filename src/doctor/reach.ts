import { connect } from 'node:net';

/** What to do where pods cannot be reached. */
export const GO_INSIDE = 'run pointsman doctor in a pod of the cluster to know: pods cannot be reached from here';

/** What became of a TCP connection; `silent` is any failure but a refusal. */
export type Reach =
  | { readonly kind: 'open' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent'; readonly why: string };

/** Connects and hangs up. Never rejects, not for a port that cannot be one either. */
export function reach(host: string, port: number, timeoutMs: number): Promise<Reach> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    return Promise.resolve({ kind: 'silent', why: `${port} is no port` });
  }
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: Reach): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end({ kind: 'silent', why: `no answer within ${timeoutMs} ms` }));
    socket.once('connect', () => end({ kind: 'open' }));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'silent', why: error.message }),
    );
  });
}
