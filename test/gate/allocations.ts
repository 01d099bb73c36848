// Prints, as JSON, what a decision of the built-in profile allocates, by the size of the pool. Run with
// `--no-concurrent-recompilation`, so that what is compiled when does not depend on how busy the machine is.
import { getHeapStatistics } from 'node:v8';
import { Rejection } from '../../src/core/errors.ts';
import { inferenceRequest } from '../kit/plugins.ts';
import { idlePool } from '../kit/pool.ts';
import { DEFAULT_PROFILE, schedulerOf } from '../kit/scheduler.ts';

const WARM_UP = 3000;
const CALLS = 1000;
const ROUNDS = 5;

/** Bytes of the JavaScript heap for one decision, and of typed arrays outside of it. */
export interface Allocations {
  readonly heapBytes: number;
  readonly arrayBytes: number;
}

function measure(endpoints: number): Allocations {
  const pool = idlePool(endpoints);
  const scheduler = schedulerOf(pool, { ...DEFAULT_PROFILE, fallbacks: 2 });
  const request = inferenceRequest({}, ['so it goes. '.repeat(125)]);
  void scheduler.produce(request, pool.all);
  const decide = (calls: number): void => {
    for (let i = 0; i < calls; i++) {
      if (scheduler.schedule(request, pool.all) instanceof Rejection) throw new Error('nothing was picked');
    }
  };
  decide(WARM_UP);
  // What else happens in a round, like compiling, only adds: the least is what decisions take.
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = [getHeapStatistics().total_allocated_bytes, process.memoryUsage().arrayBuffers];
    decide(CALLS);
    const after = [getHeapStatistics().total_allocated_bytes, process.memoryUsage().arrayBuffers];
    return { heapBytes: (after[0] - before[0]) / CALLS, arrayBytes: (after[1] - before[1]) / CALLS };
  });
  return {
    heapBytes: Math.min(...rounds.map((each) => each.heapBytes)),
    arrayBytes: Math.max(...rounds.map((each) => each.arrayBytes)),
  };
}

process.stdout.write(JSON.stringify({ of8: measure(8), of1000: measure(1000) }));
