import { expect } from 'vitest';
import type { Exchange } from './chat.ts';
import { forgotten, leftInBooks, lostChats, memoryKept } from './invariants.ts';
import { LoadDriver } from './load-driver.ts';
import { poll } from './poll.ts';
import type { Rig } from './rig.ts';

/** Chats that end before anything goes wrong. */
const CHATS_BEFORE = 25;
/** And while something is wrong: two seconds and more, in which metrics go stale and hanging servers are noticed. */
const CHATS_PASSING = 100;
const WAITS_MS = 60_000;

/** What the one who makes trouble has at hand. */
export interface Trouble {
  /** The chats that have ended, more and more of them. */
  readonly ended: readonly Exchange[];
  /** Resolves when so many more chats have ended, by default 100; rejects when the load stands still. */
  passes(chats?: number): Promise<void>;
  /** The clients of all open chats go away. */
  leave(): void;
  /** Resolves when `holds`; rejects with `what` when it does not within a minute. */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
}

/**
 * Makes trouble under load, makes every server well again, waits until they all serve, and holds the picker to what it
 * promises: no chat lost but those that `mayFail`, no endpoint forgotten, empty books, no memory kept.
 */
export async function survive(
  rig: Rig,
  trouble: (at: Trouble) => Promise<void>,
  mayFail: (chat: Exchange) => boolean = () => false,
): Promise<void> {
  const load = new LoadDriver(() => rig.gateway.url, rig.answers);
  const broken: string[] = [];
  try {
    await underLoad(rig, load, trouble);
    const healedMs = performance.now();
    broken.push(...(await forgotten(rig, () => load.ended.filter(({ startedMs }) => startedMs > healedMs))));
  } finally {
    await load.stop();
  }
  broken.push(...lostChats(load.ended, mayFail), ...(await leftInBooks(rig)), ...(await memoryKept(rig)));
  expect(broken.join('\n')).toBe('');
}

/** Resolves when the trouble is over and every server is well. */
async function underLoad(rig: Rig, load: LoadDriver, trouble: (at: Trouble) => Promise<void>): Promise<void> {
  const at: Trouble = {
    ended: load.ended,
    async passes(chats = CHATS_PASSING) {
      const before = load.ended.length;
      const enough = await poll(() => load.ended.length >= before + chats, WAITS_MS);
      if (!enough) throw new Error(`the load stands still: ${load.ended.length - before} of ${chats} chats ended`);
    },
    leave: () => load.leave(),
    async until(what, holds) {
      if (!(await poll(holds, WAITS_MS))) throw new Error(`never happened: ${what}`);
    },
  };
  await at.passes(CHATS_BEFORE);
  try {
    await trouble(at);
  } finally {
    for (const server of rig.servers) await server.inflict('none');
  }
}
