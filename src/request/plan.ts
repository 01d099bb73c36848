import type { Headers } from '../core/headers.ts';
import type { Admitter, SaturationDetector } from '../core/kinds.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Scheduler } from '../scheduling/scheduler.ts';
import type { ScoreBoard } from '../scheduling/score-board.ts';
import type { ParserChoice } from './parser-choice.ts';

/** What a configuration says about requests. Replaced as a whole, between two requests. */
export interface RequestPlan {
  readonly parsers: ParserChoice;
  /** Without one nothing is shed. */
  readonly saturation?: SaturationDetector | undefined;
  /** Asked in this order; the first that refuses counts. */
  readonly admitters: readonly Admitter[];
  readonly scheduler: Scheduler;
  /** The board `scheduler` writes; without one the proxy is told no scores. */
  readonly scores?: ScoreBoard | undefined;
  /** Whose fair share a request comes out of when its headers name nobody. */
  fairnessId(headers: Headers): string | undefined;
  /** Whether an endpoint is known to have any of the request's prompt cached. */
  hasCached(request: InferenceRequest, slot: number): boolean;
}
