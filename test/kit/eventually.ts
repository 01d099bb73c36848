import { setTimeout as delay } from 'node:timers/promises';

const STEP_MS = 10;
const GIVE_UP_MS = 15_000;

/** Waits until `condition` holds; rejects after 15 s, naming what was waited for. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < GIVE_UP_MS; waitedMs += STEP_MS) {
    if (await condition()) return;
    await delay(STEP_MS);
  }
  throw new Error(`never happened: ${what}`);
}
