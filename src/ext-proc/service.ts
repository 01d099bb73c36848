import { status } from '@grpc/grpc-js';
import { errorMessage } from '../lib/error-message.ts';
import { decodeProcessingRequest, type ProcessingRequest } from '../protos/ext-proc.ts';
import type { Director } from '../request/exchange.ts';
import { type WriteBytes, writeAnswer } from './grpc/answer-frame.ts';
import { type CallEvents, GrpcCall } from './grpc/call.ts';
import { GrpcFault } from './grpc/fault.ts';
import type { StreamHandler } from './listener-sessions.ts';
import type { Answer } from './response.ts';
import { DEFAULT_MAX_BODY_BYTES, ExtProcStream, type StreamOptions, type Wire } from './stream.ts';

/** What `externalProcessor` is told. */
export interface ExternalProcessorOptions {
  readonly director: Director;
  /** Told about faults of ours and about peers that break the protocol. Default: nobody. */
  readonly log?: ExtProcLog | undefined;
  /** A proxy opened a stream. */
  readonly onStreamStart?: (() => void) | undefined;
  /**
   * Its stream is over, with this gRPC status code; once per `onStreamStart`. A reset can show up as the end of the
   * peer's messages first, and then counts as OK; the exchange hears `client-disconnect` either way.
   */
  readonly onStreamEnd?: ((code: number) => void) | undefined;
  /** Longest request body held for a decision, in bytes. Default: 256 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Longest message taken, in bytes. Default: 4 MiB, as of every gRPC server. */
  readonly maxReceiveBytes?: number | undefined;
  /** Longest message sent, in bytes. Default: no limit. */
  readonly maxSendBytes?: number | undefined;
}

/** The part of a pino logger used here. */
export interface ExtProcLog {
  warn(details: object, text: string): void;
  error(details: object, text: string): void;
}

const DEFAULT_MAX_RECEIVE_BYTES = 4 * 1024 * 1024;

/** Serves the calls of `envoy.service.ext_proc.v3.ExternalProcessor/Process`. */
export function externalProcessor(options: ExternalProcessorOptions): StreamHandler {
  const { director, log, onStreamStart, onStreamEnd } = options;
  const {
    maxBodyBytes = DEFAULT_MAX_BODY_BYTES,
    maxReceiveBytes = DEFAULT_MAX_RECEIVE_BYTES,
    maxSendBytes = Number.POSITIVE_INFINITY,
  } = options;
  // One shape whatever the caller left out: code compiled for one processor fits the next.
  const parts: WireParts = { stream: { director, maxBodyBytes }, log, onStreamEnd, maxSendBytes };
  return (stream, headers) => {
    onStreamStart?.();
    const wire = new GrpcWire(parts);
    wire.call = new GrpcCall(stream, headers, maxReceiveBytes, wire);
  };
}

interface WireParts extends Pick<ExternalProcessorOptions, 'log' | 'onStreamEnd'> {
  readonly stream: StreamOptions;
  readonly maxSendBytes: number;
}

/**
 * One stream over gRPC. When the peer does not take its answers, they wait here unencoded (a body by reference) and
 * nothing more is read, so what a stuck peer can hold is its own request body and a few messages.
 */
class GrpcWire implements Wire, CallEvents {
  /** Set before the first event. */
  call!: GrpcCall;
  readonly #stream: ExtProcStream;
  readonly #parts: WireParts;
  readonly #writeBytes: WriteBytes = (bytes) => this.call.write(bytes);
  /** Answers that wait for the peer, oldest first. */
  #waiting: Answer[] = [];
  /** Index of the first of them that was not sent. */
  #next = 0;
  #blocked = false;
  /** The status to end with, once all answers are out. */
  #ending: { readonly code: status; readonly details: string } | undefined;
  #gone = false;

  constructor(parts: WireParts) {
    this.#parts = parts;
    this.#stream = new ExtProcStream(parts.stream, this);
  }

  send(answer: Answer): void {
    if (this.#gone) return;
    if (this.#blocked) this.#waiting.push(answer);
    else this.#write(answer);
  }

  close(violation?: string): void {
    if (violation === undefined) return this.#finish(status.OK, '');
    this.#parts.log?.warn({ violation }, 'ext_proc peer broke the protocol');
    this.#finish(status.INVALID_ARGUMENT, violation);
  }

  report(fault: unknown): void {
    this.#parts.log?.error({ err: fault }, 'fault in an ext_proc stream');
  }

  message(bytes: Buffer): void {
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

  drain(): void {
    this.#blocked = false;
    while (!this.#blocked && this.#next < this.#waiting.length) this.#write(this.#waiting[this.#next++]);
    if (this.#blocked) return;
    this.#waiting = [];
    this.#next = 0;
    this.call.resume();
    if (this.#ending !== undefined) this.#finishNow();
  }

  over(): void {
    this.#gone = true;
    this.#waiting = [];
    this.#stream.cancel();
    this.#parts.onStreamEnd?.(this.#ending?.code ?? status.CANCELLED);
  }

  #write(answer: Answer): void {
    try {
      if (writeAnswer(answer, this.#parts.maxSendBytes, this.#writeBytes)) return;
    } catch (fault) {
      if (!(fault instanceof GrpcFault)) throw fault;
      return this.fault(fault.code, fault.message);
    }
    this.#blocked = true;
    this.call.pause();
  }

  #finish(code: status, details: string): void {
    if (this.#gone || this.#ending !== undefined) return;
    this.#ending = { code, details };
    if (this.#waiting.length === 0) this.#finishNow();
  }

  #finishNow(): void {
    this.call.end(this.#ending?.code ?? status.OK, this.#ending?.details ?? '');
  }
}
