import { status } from '@grpc/grpc-js';
import type { Director } from '../request/exchange.ts';
import { Capacity } from './capacity.ts';
import { GrpcCall, refuseCall } from './grpc/call.ts';
import { GrpcWire, type WireListener, type WireParts } from './grpc-wire.ts';
import { IdleWatch } from './idle-watch.ts';
import type { StreamHandler } from './listener-sessions.ts';
import { DEFAULT_MAX_BODY_BYTES } from './stream.ts';

/** What `externalProcessor` is told. */
export interface ExternalProcessorOptions extends WireListener {
  readonly director: Director;
  /** Room for requests; by default there is no end of it. */
  readonly capacity?: Capacity | undefined;
  /** Ends streams on which nothing happens; by default none. */
  readonly idle?: IdleWatch | undefined;
  /** A proxy opened a stream. */
  readonly onStreamStart?: (() => void) | undefined;
  /** Longest request body held for a decision, in bytes. Default: 256 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Longest message taken, in bytes. Default: 4 MiB, as of every gRPC server. */
  readonly maxReceiveBytes?: number | undefined;
  /** Longest message sent, in bytes. Default: no limit. */
  readonly maxSendBytes?: number | undefined;
}

const DEFAULT_MAX_RECEIVE_BYTES = 4 * 1024 * 1024;
const NEVER_IDLE = new IdleWatch(0, { after: () => () => {} });

/** Serves the calls of `envoy.service.ext_proc.v3.ExternalProcessor/Process`. */
export function externalProcessor(options: ExternalProcessorOptions): StreamHandler {
  const { director, onStreamStart, capacity = new Capacity(), idle = NEVER_IDLE } = options;
  const {
    maxBodyBytes = DEFAULT_MAX_BODY_BYTES,
    maxReceiveBytes = DEFAULT_MAX_RECEIVE_BYTES,
    maxSendBytes = Number.POSITIVE_INFINITY,
  } = options;
  const { log, onStreamEnd, onStreamIdle } = options;
  // One shape whatever the caller left out: code compiled for one processor fits the next.
  const parts: WireParts = {
    stream: {
      director,
      capacity,
      // A body that no room could ever hold is too large, and trying again later would not help.
      maxBodyBytes: Math.min(maxBodyBytes, capacity.limits.maxHeldBodyBytes),
    },
    idle,
    maxSendBytes,
    listener: { log, onStreamEnd, onStreamIdle },
  };
  return (stream, headers) => {
    if (!capacity.streamStarted()) {
      return refuseCall(stream, status.RESOURCE_EXHAUSTED, 'too many ext_proc streams; see --max-streams');
    }
    onStreamStart?.();
    const wire = new GrpcWire(parts);
    wire.start(new GrpcCall(stream, headers, maxReceiveBytes, wire));
  };
}
