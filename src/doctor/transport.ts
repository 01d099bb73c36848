import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { reach } from './reach.ts';

/** How a port speaks, as seen by connecting to it. */
export type Transport =
  | {
      readonly kind: 'tls' | 'cleartext';
      /** Of TLS. */
      readonly certificate: X509Certificate | undefined;
      /** What the server allows on one connection; undefined where it names no limit. */
      readonly maxStreams: number | undefined;
    }
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'other'; readonly why: string };

const UNLIMITED = 2 ** 32 - 1;

/** Tries HTTP/2 over TLS, as a gateway does, then in cleartext. Never rejects. */
export async function transportOf(host: string, port: number, timeoutMs: number): Promise<Transport> {
  const reached = await reach(host, port, timeoutMs);
  if (reached.kind === 'silent') return reached;
  if (reached.kind === 'refused') return { kind: 'other', why: 'nobody listens there' };
  const secure = connectTls({ host, port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  if (await settled(once(secure, 'secureConnect'), secure, timeoutMs)) {
    const certificate = secure.getPeerX509Certificate();
    if (secure.alpnProtocol !== 'h2') {
      secure.destroy();
      return { kind: 'other', why: 'it speaks TLS without HTTP/2 (ALPN h2)' };
    }
    const maxStreams = await streamsOf(secure, timeoutMs);
    return maxStreams === 'none'
      ? { kind: 'other', why: 'it speaks TLS, but no HTTP/2 within it' }
      : { kind: 'tls', certificate, maxStreams };
  }
  const maxStreams = await streamsOf(connectPlain({ host, port }), timeoutMs);
  return maxStreams === 'none'
    ? { kind: 'other', why: 'it speaks neither TLS nor cleartext HTTP/2' }
    : { kind: 'cleartext', certificate: undefined, maxStreams };
}

async function streamsOf(socket: Socket | TLSSocket, timeoutMs: number): Promise<number | undefined | 'none'> {
  const session: ClientHttp2Session = connectHttp2('http://picker', { createConnection: () => socket });
  session.on('error', () => undefined);
  const came = await settled(once(session, 'remoteSettings'), socket, timeoutMs);
  const { maxConcurrentStreams = UNLIMITED } = came ? session.remoteSettings : {};
  session.destroy();
  socket.destroy();
  if (!came) return 'none';
  return maxConcurrentStreams >= UNLIMITED ? undefined : maxConcurrentStreams;
}

/** Whether `event` came before an error, the end of the connection or the time-out; after those the socket is gone. */
async function settled(event: Promise<unknown>, socket: Socket, timeoutMs: number): Promise<boolean> {
  const closed = new Promise<false>((resolve) => {
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.setTimeout(timeoutMs, () => resolve(false));
  });
  const came = await Promise.race([
    event.then(
      () => true,
      () => false,
    ),
    closed,
  ]);
  if (!came) socket.destroy();
  socket.setTimeout(0);
  return came;
}
