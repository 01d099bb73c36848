import { totalmem } from 'node:os';

/** Bytes this process may use: the container's limit, or the machine's memory where there is none. */
export function usableMemoryBytes(): number {
  // Without a limit this is 0, or a number beyond any machine.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
