import { setTimeout as delay } from 'node:timers/promises';

const STEP_MS = 50;

/** Looks until `holds`, or until `withinMs` have passed; whether it did. */
export async function poll(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    if (await holds()) return true;
    if (performance.now() > deadlineMs) return false;
    await delay(STEP_MS);
  }
}
