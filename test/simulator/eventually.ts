import { expect } from 'vitest';

/** Expects something of `read` that becomes true within ten seconds; most often it is within milliseconds. */
export function eventually<T>(read: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(read, { timeout: 10_000, interval: 5 });
}
