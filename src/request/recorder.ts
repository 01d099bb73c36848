import type { Endpoint } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Usage } from '../core/usage.ts';

/** The outcome of one scheduling attempt. */
export type AttemptStatus = 'success' | 'failure';

/** What a request's life is told to as it happens; `telemetry` turns it into metrics. Times are seconds. */
export interface RequestRecorder {
  /** An endpoint was named. Returns what the rest of this request's life is told to. */
  accepted(request: InferenceRequest): ResponseRecorder;
  refused(request: InferenceRequest | undefined, code: ErrorCode): void;
  /** The rewrite called `rule` decided that a request for `model` (empty for none) asks for `target`. */
  rewritten(rule: string, model: string, target: string): void;
  scheduled(seconds: number, status: AttemptStatus, targetModel: string, endpoint: Endpoint | undefined): void;
  /** From the first message of the stream to the answer. */
  requestProcessed(seconds: number): void;
}

/** The second half of an accepted request's life; `end` comes last and once. */
export interface ResponseRecorder {
  /** The server answered with an error status, or with an error inside a stream that began well; once. */
  serverError(): void;
  firstByte(secondsSinceReceived: number, streaming: boolean): void;
  /** Between two pieces of a streamed body. */
  nextPiece(seconds: number): void;
  complete(secondsSinceReceived: number, responseBytes: number): void;
  /** After `complete`, when the server told its tokens. */
  usage(usage: Usage): void;
  /**
   * After `usage`, when tokens were generated. `secondsPerToken` is the whole time over all of them; of a stream,
   * `secondsPerNextToken` is the time since the first piece over the tokens after the first, undefined where there are none.
   */
  pace(secondsPerToken: number, secondsPerNextToken: number | undefined): void;
  /** Time spent on the response, over all its pieces; once, if there was a response. */
  processed(seconds: number): void;
  end(): void;
}
