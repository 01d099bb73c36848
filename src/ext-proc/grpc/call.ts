import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { ACCEPTED_ENCODINGS } from './compression.ts';
import { GrpcFault } from './fault.ts';
import { MessageReader } from './message-reader.ts';
import { timeoutMsOf } from './timeout.ts';

/** What happens to a call; its owner, who hears it. */
export interface CallEvents {
  /** The peer's next message. */
  message(bytes: Buffer): void;
  /** The peer sends no more. */
  halfClose(): void;
  /** The call cannot go on; the owner ends it. */
  fault(code: status, details: string): void;
  /** The peer takes bytes again after a `write` that returned false. */
  drain(): void;
  /** The call is over, whoever ended it; the last event, exactly once. */
  over(): void;
}

const HEADERS = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
};
const WITH_TRAILERS = { waitForTrailers: true };

/**
 * One gRPC call on the server's side, of bytes both ways, on the HTTP/2 stream it came with. What is written while the
 * bytes of one read are looked through leaves together.
 */
export class GrpcCall {
  readonly #stream: ServerHttp2Stream;
  readonly #events: CallEvents;
  readonly #reader: MessageReader;
  #deadline: NodeJS.Timeout | undefined;
  #ended = false;
  #over = false;

  /** `maxReceiveBytes`: longest message taken. */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, maxReceiveBytes: number, events: CallEvents) {
    this.#stream = stream;
    this.#events = events;
    this.#reader = new MessageReader({
      maxBytes: maxReceiveBytes,
      encoding: text(headers['grpc-encoding']),
      onMessage: (bytes) => events.message(bytes),
    });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('end', () => events.halfClose());
    stream.on('drain', () => events.drain());
    // A reset or a lost connection closes the stream as well.
    stream.on('error', () => undefined);
    stream.on('close', () => this.#finish());
    const timeout = text(headers['grpc-timeout']);
    if (timeout !== undefined) this.#startDeadline(timeout);
  }

  /** Sends bytes of length-prefixed messages; false when the peer does not keep up: `drain` tells when it does. */
  write(bytes: Uint8Array): boolean {
    const stream = this.#stream;
    if (this.#ended || isOver(stream)) return true;
    if (!stream.headersSent) stream.respond(HEADERS, WITH_TRAILERS);
    return stream.write(bytes);
  }

  /** What was written and waits for the peer. */
  get unsentBytes(): number {
    return this.#stream.writableLength;
  }

  /** Ends the call at once, whatever waits to be sent. */
  reset(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Ends the call with a status, after what has been written; later calls and writes do nothing. */
  end(code: status, details: string): void {
    const stream = this.#stream;
    if (this.#ended || isOver(stream)) return;
    this.#ended = true;
    if (stream.headersSent) {
      stream.once('wantTrailers', () => {
        stream.sendTrailers(trailersOf(code, details));
        this.#finish();
      });
      stream.end();
      drop(stream);
    } else {
      answerAtOnce(stream, code, details);
      this.#finish();
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    const stream = this.#stream;
    stream.cork();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof GrpcFault)) throw error;
      this.#events.fault(error.code, error.message);
    } finally {
      stream.uncork();
    }
  }

  #startDeadline(timeout: string): void {
    try {
      this.#deadline = setTimeout(() => {
        this.#events.fault(status.DEADLINE_EXCEEDED, 'Deadline exceeded');
      }, timeoutMsOf(timeout));
    } catch (error) {
      if (!(error instanceof GrpcFault)) throw error;
      const { code, message } = error;
      // The owner does not know the call yet.
      process.nextTick(() => this.#events.fault(code, message));
    }
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    this.#events.over();
  }
}

/** A reset closes a stream before it is destroyed, and both refuse an answer. */
function isOver({ closed, destroyed }: ServerHttp2Stream): boolean {
  return closed || destroyed;
}

/** Ends a call before it began. */
export function refuseCall(stream: ServerHttp2Stream, code: status, details: string): void {
  stream.on('error', () => undefined);
  answerAtOnce(stream, code, details);
}

/** An answer of nothing but its status. */
function answerAtOnce(stream: ServerHttp2Stream, code: status, details: string): void {
  stream.respond({ ...HEADERS, ...trailersOf(code, details) }, { endStream: true });
  drop(stream);
}

/** What the peer still sends is read and dropped, or its stream would stay open. */
function drop(stream: ServerHttp2Stream): void {
  stream.resume();
}

function trailersOf(code: status, details: string): OutgoingHttpHeaders {
  return { 'grpc-status': code, 'grpc-message': encodeURI(details) };
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
