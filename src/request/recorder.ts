import type { Endpoint } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { InferenceRequest } from '../core/request.ts';

/** The outcome of one scheduling attempt. */
export type AttemptStatus = 'success' | 'failure';

/** What a request's life is told to as it happens; `telemetry` turns it into metrics. Times are seconds. */
export interface RequestRecorder {
  /** An endpoint was named. Returns what the rest of this request's life is told to. */
  accepted(request: InferenceRequest): ResponseRecorder;
  refused(request: InferenceRequest | undefined, code: ErrorCode): void;
  scheduled(seconds: number, status: AttemptStatus, targetModel: string, endpoint: Endpoint | undefined): void;
  /** From the first message of the stream to the answer. */
  requestProcessed(seconds: number): void;
}

/** The second half of an accepted request's life; `end` comes last and once. */
export interface ResponseRecorder {
  /** The server answered with an error status. */
  serverError(): void;
  firstByte(secondsSinceReceived: number, streaming: boolean): void;
  /** Between two pieces of a streamed body. */
  nextPiece(seconds: number): void;
  complete(secondsSinceReceived: number, responseBytes: number): void;
  end(): void;
}
