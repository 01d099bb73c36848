import { type Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { errorMessage } from '../lib/error-message.ts';
import {
  decodeProcessingRequest,
  encodeProcessingResponse,
  EXT_PROC_PROCESS_PATH,
  type ProcessingRequest,
} from '../protos/ext-proc.ts';
import type { Director } from '../request/exchange.ts';
import type { Answer } from './response.ts';
import { DEFAULT_MAX_BODY_BYTES, ExtProcStream, type StreamOptions, type Wire } from './stream.ts';

/** What `addExternalProcessor` is told. */
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
}

/** The part of a pino logger used here. */
export interface ExtProcLog {
  warn(details: object, text: string): void;
  error(details: object, text: string): void;
}

type Call = ServerDuplexStream<Buffer, Buffer>;

const pass = (bytes: Buffer): Buffer => bytes;

/** Serves `envoy.service.ext_proc.v3.ExternalProcessor`. Throws when the server serves it already. */
export function addExternalProcessor(server: Server, options: ExternalProcessorOptions): void {
  const streamOptions: StreamOptions = {
    director: options.director,
    maxBodyBytes: options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
  };
  const serve = (call: Call): void => {
    options.onStreamStart?.();
    new GrpcWire(call, streamOptions, options).start();
  };
  // Bytes in and out: what cannot be read is then ours to answer, and what never changes is encoded once.
  const added = server.register(EXT_PROC_PROCESS_PATH, serve, pass, pass, 'bidi');
  if (!added) throw new Error(`${EXT_PROC_PROCESS_PATH} is served already`);
}

/**
 * One stream over gRPC. When the peer does not take its answers, they wait here unencoded (a body by reference) and
 * nothing more is read, so what a stuck peer can hold is its own request body and a few messages.
 */
class GrpcWire implements Wire {
  readonly #call: Call;
  readonly #stream: ExtProcStream;
  readonly #options: ExternalProcessorOptions;
  /** Answers that wait for the peer, oldest first. */
  #waiting: Answer[] = [];
  /** Index of the first of them that was not sent. */
  #next = 0;
  #blocked = false;
  /** The status to end with, once all answers are out. */
  #ending: { readonly code: status; readonly details: string } | undefined;
  #gone = false;

  constructor(call: Call, streamOptions: StreamOptions, options: ExternalProcessorOptions) {
    this.#call = call;
    this.#options = options;
    this.#stream = new ExtProcStream(streamOptions, this);
  }

  start(): void {
    const call = this.#call;
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    call.on('end', () => this.#stream.halfClose());
    call.on('drain', () => this.#drain());
    call.on('error', () => this.#stream.break());
    // grpc-js emits this at the end of every call, whoever ended it.
    call.on('cancelled', () => this.#over());
  }

  send(answer: Answer): void {
    if (this.#gone) return;
    if (this.#blocked) this.#waiting.push(answer);
    else this.#write(answer);
  }

  close(violation?: string): void {
    if (violation === undefined) return this.#finish(status.OK, '');
    this.#options.log?.warn({ violation }, 'ext_proc peer broke the protocol');
    this.#finish(status.INVALID_ARGUMENT, violation);
  }

  report(fault: unknown): void {
    this.#options.log?.error({ err: fault }, 'fault in an ext_proc stream');
  }

  #receive(bytes: Buffer): void {
    if (this.#stream.phase === 'closed') return;
    let message: ProcessingRequest;
    try {
      message = decodeProcessingRequest(bytes);
    } catch (fault) {
      return this.#break(status.INVALID_ARGUMENT, `cannot decode ProcessingRequest: ${errorMessage(fault)}`);
    }
    try {
      this.#stream.receive(message);
    } catch (fault) {
      this.report(fault);
      this.#break(status.INTERNAL, 'internal fault');
    }
  }

  #break(code: status, details: string): void {
    this.#stream.break();
    this.#finish(code, details);
  }

  #write(answer: Answer): void {
    const bytes = Buffer.isBuffer(answer) ? answer : encodeProcessingResponse(answer);
    if (this.#call.write(bytes)) return;
    this.#blocked = true;
    this.#call.pause();
  }

  #drain(): void {
    this.#blocked = false;
    while (!this.#blocked && this.#next < this.#waiting.length) this.#write(this.#waiting[this.#next++]);
    if (this.#blocked) return;
    this.#waiting = [];
    this.#next = 0;
    this.#call.resume();
    if (this.#ending !== undefined) this.#finishNow();
  }

  #finish(code: status, details: string): void {
    if (this.#gone || this.#ending !== undefined) return;
    this.#ending = { code, details };
    if (this.#waiting.length === 0) this.#finishNow();
  }

  #finishNow(): void {
    const ending = this.#ending;
    if (ending === undefined || ending.code === status.OK) this.#call.end();
    else this.#call.emit('error', Object.assign(new Error(ending.details), ending));
  }

  #over(): void {
    this.#gone = true;
    this.#waiting = [];
    this.#stream.cancel();
    this.#options.onStreamEnd?.(this.#ending?.code ?? status.CANCELLED);
  }
}
