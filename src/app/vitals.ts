import { getHeapStatistics } from 'node:v8';
import type { Logger } from '../telemetry/log.ts';
import { type BoundedMemory, MemoryWatch } from '../telemetry/memory-watch.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { watchStalls } from '../telemetry/stalls.ts';
import { systemClock, systemTimers } from './clock.ts';
import { usableMemoryBytes } from './memory.ts';
import type { Started } from './ports.ts';

const LOOK_MS = 5_000;

const MEMORIES: readonly BoundedMemory[] = [
  {
    kind: 'heap',
    limitBytes: getHeapStatistics().heap_size_limit,
    usedBytes: () => getHeapStatistics().used_heap_size,
  },
  { kind: 'process', limitBytes: usableMemoryBytes(), usedBytes: () => process.memoryUsage.rss() },
];

/** Tells of trouble in the process itself before it is the end of it. */
export function watchVitals(metrics: Metrics, log: Logger): Started {
  const stopStalls = watchStalls({ clock: systemClock, timers: systemTimers, metrics, log });
  const memory = new MemoryWatch({ memories: MEMORIES, clock: systemClock, metrics, log });
  const timer = setInterval(() => memory.look(), LOOK_MS);
  timer.unref();
  return {
    stop() {
      stopStalls();
      clearInterval(timer);
    },
  };
}
