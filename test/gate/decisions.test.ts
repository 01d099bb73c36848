import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Allocations } from './allocations.ts';

const SCRIPT = join(import.meta.dirname, 'allocations.ts');
/** Half as much again as it was when this was written. */
const HEAP_BYTES = 2250;
/** A number in a box of its own takes 12. */
const HEAP_BYTES_PER_ENDPOINT = 4;
/** Less than the smallest array outside of the heap. */
const ARRAY_BYTES = 64;
/** For a machine with much else to do; nothing here depends on how long it takes. */
const TIMEOUT_MS = 120_000;

// In a process of its own, where no other test has taught the engine other types.
it(
  'a decision allocates a few objects, and nothing for each endpoint of the pool',
  { timeout: TIMEOUT_MS },
  async () => {
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--no-concurrent-recompilation', SCRIPT]);
    const { of8, of1000 } = JSON.parse(stdout) as { of8: Allocations; of1000: Allocations };
    expect(of8.heapBytes).toBeLessThan(HEAP_BYTES);
    expect(of1000.heapBytes - of8.heapBytes).toBeLessThan(1000 * HEAP_BYTES_PER_ENDPOINT);
    expect(of8.arrayBytes).toBeLessThan(ARRAY_BYTES);
    expect(of1000.arrayBytes).toBeLessThan(ARRAY_BYTES);
  },
);
