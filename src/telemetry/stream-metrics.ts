import type { Clock } from '../core/clock.ts';
import type { Director } from '../request/exchange.ts';
import type { BoundHistogram } from './histogram-family.ts';
import type { Metrics } from './metrics.ts';

/** gRPC status codes by number, in the reference's spelling. */
const CODE_NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** Feeds the families about ext_proc streams; needs `Metrics` with `streamMetrics`. */
export class StreamMetrics {
  readonly #metrics: Metrics;
  readonly #duration: BoundHistogram;
  readonly #clock: Clock;

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#duration = metrics.histogram('extproc_stream_duration_seconds').labels({});
    this.#clock = clock;
  }

  started(): void {
    this.#metrics.gauge('extproc_streams_inflight').inc();
  }

  ended(code: number): void {
    this.#metrics.gauge('extproc_streams_inflight').dec();
    this.#metrics.counter('extproc_streams_total').inc({ code: CODE_NAMES[code] ?? 'Unknown' });
  }

  /**
   * The director, with its exchanges timed. An exchange lives from the headers, the first message of every stream, to
   * the end; a stream that ends before its first message has no duration here.
   */
  timed(director: Director): Director {
    return {
      open: (headers) => {
        const openedAtMs = this.#clock.nowMs();
        const exchange = director.open(headers);
        return {
          decide: (pieces, metadata) => exchange.decide(pieces, metadata),
          responseHeaders: (response, metadata) => exchange.responseHeaders(response, metadata),
          responseBody: (piece, last) => exchange.responseBody(piece, last),
          responseTrailers: () => exchange.responseTrailers(),
          responseMetadata: () => exchange.responseMetadata(),
          end: (how) => {
            exchange.end(how);
            const seconds = (this.#clock.nowMs() - openedAtMs) / 1000;
            this.#duration.observe(seconds);
          },
        };
      },
    };
  }
}
