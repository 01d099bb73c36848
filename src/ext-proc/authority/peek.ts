import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AuthorityRewriter } from './rewriter.ts';
import { RewritingConnection } from './rewriting-connection.ts';

/** Bounds of a look at a connection's first bytes; at either of them the rewriter simply stays on the connection. */
export interface PeekLimits {
  /** Milliseconds from the first look until a decision is forced. */
  readonly timeoutMs: number;
  /** Bytes that may be read without a complete header block among them. */
  readonly maxBytes: number;
}

/** A look under way. */
export interface Peek {
  /** Ends the look now, for a connection that must be handed over before its first request came. */
  settle(): void;
}

/**
 * Reads a connection up to its first complete header block, then calls `done` once: with `socket` itself and all
 * bytes back in it when no authority so far holds `|` (no cost from there on), or when the bytes are not HTTP/2; else
 * with a stream that rewrites; with nothing when the connection ended before, which destroys it.
 *
 * Some clients send their first request only after the server's settings have come, so a look that gets no further
 * must end soon, and ends with the stream that rewrites: right in every case.
 */
export function peekAuthority(
  socket: Socket,
  limits: PeekLimits,
  done: (connection: Duplex | undefined) => void,
): Peek {
  const rewriter = new AuthorityRewriter();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let settled = false;

  const settle = (connection: () => Duplex): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onGone);
    socket.off('close', onGone);
    done(socket.destroyed ? undefined : connection());
  };
  const rewrite = (): void => settle(() => new RewritingConnection(socket, rewriter, chunks));
  const passThrough = (): void =>
    settle(() => {
      const held = rewriter.flush();
      if (held !== undefined) chunks.push(held);
      if (bytes > 0) socket.unshift(Buffer.concat(chunks));
      return socket;
    });
  const onReadable = (): void => {
    for (let chunk = nextChunk(socket); chunk !== null; chunk = nextChunk(socket)) {
      bytes += chunk.length;
      const edited = rewriter.push(chunk);
      if (edited.length > 0) chunks.push(edited);
    }
    if (rewriter.edits > 0 || bytes > limits.maxBytes) rewrite();
    else if (rewriter.passive || rewriter.headerBlocks > 0) passThrough();
  };
  const onGone = (): void => {
    socket.destroy();
    settle(() => socket);
  };

  const timer = setTimeout(rewrite, limits.timeoutMs);
  socket.on('readable', onReadable);
  socket.on('end', onGone);
  socket.on('close', onGone);
  return { settle: rewrite };
}

function nextChunk(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
