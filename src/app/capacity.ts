import { Capacity, type CapacityLimits } from '../ext-proc/capacity.ts';
import { LineLimit } from '../telemetry/line-limit.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { systemClock } from './clock.ts';
import type { PickerCore } from './core.ts';
import type { PickerSettings } from './settings.ts';

/**
 * Memory of one open stream, in bytes: measured 39 KiB of RSS with 20 request headers, of which 14 on the JavaScript
 * heap.
 */
const STREAM_BYTES = 40 * 1024;
const MOST_STREAMS = 50_000;
const MOST_HELD_BODY_BYTES = 1024 ** 3;
const LOG_PAUSE_MS = 10_000;

/**
 * Limits for a process that may use so many bytes: half of them for streams and a quarter for bodies, and no more than
 * 50,000 streams and 1 GiB.
 */
export function defaultLimits(memoryBytes: number): CapacityLimits {
  return {
    maxStreams: Math.max(1, Math.min(MOST_STREAMS, Math.floor(memoryBytes / 2 / STREAM_BYTES))),
    maxHeldBodyBytes: Math.min(MOST_HELD_BODY_BYTES, Math.floor(memoryBytes / 4)),
  };
}

interface CapacityParts {
  readonly settings: PickerSettings;
  readonly core: PickerCore;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Room for requests in this process; who is refused is counted, and told now and then. */
export function createCapacity({ settings, core, metrics, log }: CapacityParts): Capacity {
  const { limits } = settings;
  const refusals = metrics.counter('capacity_refusals_total');
  const lines = new LineLimit(systemClock, LOG_PAUSE_MS);
  const capacity = new Capacity(limits, core.heads, (limit, sheddable) => {
    refusals.inc({ limit, sheddable: String(sheddable) });
    core.recorder.refused(undefined, 'ResourceExhausted');
    const heldBack = lines.next();
    if (heldBack === undefined) return;
    const { streams, heldBodyBytes } = capacity;
    log.warn({ limit, streams, heldBodyBytes, ...limits, heldBack }, 'requests are refused for want of room');
  });
  metrics.onRead('capacity_used_ratio', (gauge) => {
    gauge.set({ limit: 'streams' }, capacity.streams / capacity.limits.maxStreams);
    gauge.set({ limit: 'held_body_bytes' }, capacity.heldBodyBytes / capacity.limits.maxHeldBodyBytes);
  });
  return capacity;
}
