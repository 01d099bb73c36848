import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { AuthorityRewriter } from './rewriter.ts';

/**
 * GOAWAY that names the highest stream id: "open no more streams", refusing none that is on its way (RFC 9113,
 * section 6.8). Node cannot send it without ignoring new streams from then on.
 */
const SHUTDOWN_NOTICE = Buffer.from('0000080700000000007fffffff00000000', 'hex');

/** A connection whose inbound bytes go through the rewriter; what is written goes to the socket as it is. */
export class RewritingConnection extends Duplex {
  private readonly socket: Socket;
  private readonly rewriter: AuthorityRewriter;

  /**
   * Takes over `socket`, from which nothing may read any more. `first` are the bytes read so far, already rewritten.
   * The socket needs `noDelay`: http2 sets it on native sockets only, and without it each answer waits
   * some 40 ms for the peer's delayed acknowledgement.
   */
  constructor(socket: Socket, rewriter: AuthorityRewriter, first: readonly Buffer[]) {
    super({ allowHalfOpen: true });
    this.socket = socket;
    this.rewriter = rewriter;
    for (const bytes of first) this.push(bytes);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.receiveEnd());
    // A lost connection only closes this stream: an `error` event would find no listener once http2 has let go of it.
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
    socket.resume();
  }

  /** Asks the client to open no more streams; http2 writes whole frames, so this one fits between them. */
  announceShutdown(): void {
    this.write(SHUTDOWN_NOTICE);
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, (error) => this.afterWrite(error, done));
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const last = chunks.length - 1;
    this.socket.cork();
    for (let i = 0; i < last; i++) this.socket.write(chunks[i].chunk);
    this.socket.write(chunks[last].chunk, (error) => this.afterWrite(error, done));
    this.socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(() => done());
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done();
  }

  private afterWrite(error: Error | null | undefined, done: () => void): void {
    if (error) this.destroy();
    else done();
  }

  private receive(chunk: Buffer): void {
    const bytes = this.rewriter.push(chunk);
    if (bytes.length > 0 && !this.push(bytes)) this.socket.pause();
  }

  private receiveEnd(): void {
    const held = this.rewriter.flush();
    if (held !== undefined) this.push(held);
    this.push(null);
  }
}
