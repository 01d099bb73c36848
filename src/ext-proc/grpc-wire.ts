import { status } from '@grpc/grpc-js';
import { errorMessage } from '../lib/error-message.ts';
import { decodeProcessingRequest, type ProcessingRequest } from '../protos/ext-proc.ts';
import { type WriteBytes, writeAnswer } from './grpc/answer-frame.ts';
import type { CallEvents, GrpcCall } from './grpc/call.ts';
import { GrpcFault } from './grpc/fault.ts';
import type { IdleWatch, Watched } from './idle-watch.ts';
import type { Answer } from './response.ts';
import { ExtProcStream, type StreamOptions, type Wire } from './stream.ts';

/** Who hears of a wire. */
export interface WireListener {
  /** Told about faults of ours and about peers that break the protocol. Default: nobody. */
  readonly log?: ExtProcLog | undefined;
  /**
   * The stream is over, with this gRPC status code; once per stream. A reset can show up as the end of the peer's
   * messages first, and then counts as OK; the exchange hears `client-disconnect` either way.
   */
  readonly onStreamEnd?: ((code: number) => void) | undefined;
  /** A stream was ended because nothing happened on it. */
  readonly onStreamIdle?: (() => void) | undefined;
}

/** The part of a pino logger used here. */
export interface ExtProcLog {
  warn(details: object, text: string): void;
  error(details: object, text: string): void;
}

/** What a wire works with; the same for every stream of a processor. */
export interface WireParts {
  readonly stream: StreamOptions;
  readonly idle: IdleWatch;
  /** Longest message sent, in bytes. */
  readonly maxSendBytes: number;
  readonly listener: WireListener;
}

/**
 * One stream over gRPC. When the peer does not take its answers, they wait here unencoded (a body by reference) and
 * nothing more is read, so what a stuck peer can hold is its own request body and a few messages.
 */
export class GrpcWire implements Wire, CallEvents, Watched {
  readonly #parts: WireParts;
  readonly #stream: ExtProcStream;
  readonly #writeBytes: WriteBytes = (bytes) => this.#call.write(bytes);
  /** Set before the first event. */
  #call!: GrpcCall;
  activeTick = 0;
  /** Answers that wait for the peer, oldest first. */
  #waiting: Answer[] = [];
  /** Index of the first of them that was not sent. */
  #next = 0;
  /** Bytes of the request body that are still counted while answers wait. */
  #waitingBodyBytes = 0;
  #blocked = false;
  /** The status to end with, once all answers are out. */
  #ending: { readonly code: status; readonly details: string } | undefined;
  #gone = false;

  constructor(parts: WireParts) {
    this.#parts = parts;
    this.#stream = new ExtProcStream(parts.stream, this);
  }

  /** Takes the call whose events this hears from now on. */
  start(call: GrpcCall): void {
    this.#call = call;
    this.#parts.idle.add(this);
  }

  send(answer: Answer): void {
    if (this.#gone) return;
    if (this.#blocked) this.#waiting.push(answer);
    else this.#write(answer);
  }

  bodySent(bytes: number): void {
    if (this.#blocked) this.#waitingBodyBytes += bytes;
    else this.#parts.stream.capacity.releaseBody(bytes);
  }

  close(violation?: string): void {
    if (violation === undefined) return this.#finish(status.OK, '');
    this.#parts.listener.log?.warn({ violation }, 'ext_proc peer broke the protocol');
    this.#finish(status.INVALID_ARGUMENT, violation);
  }

  report(fault: unknown): void {
    this.#parts.listener.log?.error({ err: fault }, 'fault in an ext_proc stream');
  }

  expire(): void {
    this.#parts.listener.onStreamIdle?.();
    this.#dropWaiting();
    this.fault(
      status.DEADLINE_EXCEEDED,
      `no message for ${(this.#parts.idle.timeoutMs ?? 0) / 1000} s; see --stream-idle-timeout`,
    );
    // A status waits for the messages before it, and a peer that takes none of those never gets it.
    if (this.#call.unsentBytes > 0) this.#call.reset();
  }

  message(bytes: Buffer): void {
    this.activeTick = this.#parts.idle.tick;
    if (this.#stream.phase === 'closed') return;
    let message: ProcessingRequest;
    try {
      message = decodeProcessingRequest(bytes);
    } catch (fault) {
      return this.fault(status.INVALID_ARGUMENT, `cannot decode ProcessingRequest: ${errorMessage(fault)}`);
    }
    try {
      this.#stream.receive(message);
    } catch (fault) {
      this.report(fault);
      this.fault(status.INTERNAL, 'internal fault');
    }
  }

  halfClose(): void {
    this.#stream.halfClose();
  }

  fault(code: status, details: string): void {
    this.#stream.break();
    this.#finish(code, details);
  }

  #write(answer: Answer): void {
    const { idle, maxSendBytes } = this.#parts;
    this.activeTick = idle.tick;
    try {
      if (writeAnswer(answer, maxSendBytes, this.#writeBytes)) return;
    } catch (fault) {
      if (!(fault instanceof GrpcFault)) throw fault;
      return this.fault(fault.code, fault.message);
    }
    this.#blocked = true;
    this.#call.pause();
  }

  drain(): void {
    this.#blocked = false;
    while (!this.#blocked && this.#next < this.#waiting.length) this.#write(this.#waiting[this.#next++]);
    if (this.#blocked) return;
    this.#dropWaiting();
    this.#call.resume();
    if (this.#ending !== undefined) this.#finishNow();
  }

  #dropWaiting(): void {
    this.#waiting = [];
    this.#next = 0;
    this.#parts.stream.capacity.releaseBody(this.#waitingBodyBytes);
    this.#waitingBodyBytes = 0;
  }

  #finish(code: status, details: string): void {
    if (this.#gone || this.#ending !== undefined) return;
    this.#ending = { code, details };
    if (this.#waiting.length === 0) this.#finishNow();
  }

  #finishNow(): void {
    this.#call.end(this.#ending?.code ?? status.OK, this.#ending?.details ?? '');
  }

  over(): void {
    this.#gone = true;
    this.#parts.idle.delete(this);
    this.#dropWaiting();
    this.#stream.cancel();
    this.#parts.stream.capacity.streamEnded();
    this.#parts.listener.onStreamEnd?.(this.#ending?.code ?? status.CANCELLED);
  }
}
