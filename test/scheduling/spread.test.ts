import { describe, expect, it } from 'vitest';
import { Rejection } from '../../src/core/errors.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import type { Scheduler } from '../../src/scheduling/scheduler.ts';
import { NO_EDITS } from '../kit/edits.ts';
import { endpointAt, idlePool, scraped } from '../kit/pool.ts';
import { inferenceRequest } from '../kit/plugins.ts';
import { defaultScheduler } from '../kit/scheduler.ts';

/** Schedules as the director does and books the pick; returns the slot. */
function send(pool: EndpointTable, scheduler: Scheduler, prompt: string): number {
  const request = inferenceRequest({}, [prompt]);
  void scheduler.produce(request, pool.all);
  const schedule = scheduler.schedule(request, pool.all);
  if (schedule instanceof Rejection) throw new Error(schedule.message);
  scheduler.picked(request, schedule, NO_EDITS);
  const [slot] = schedule.picks.get(schedule.primary) ?? [];
  pool.books.reserve(endpointAt(pool, slot));
  return slot;
}

const distinctPrompt = (index: number): string => `${index} `.repeat(400).slice(0, 1500);

describe('between two scrapes', () => {
  it('64 distinct prompts of one length spread evenly over 8 equal endpoints', () => {
    const pool = idlePool(8);
    const scheduler = defaultScheduler(pool);
    const counts = new Map<number, number>();
    for (let i = 0; i < 64; i++) {
      const slot = send(pool, scheduler, distinctPrompt(i));
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
    expect(Math.max(...counts.values()) / (64 / 8)).toBeLessThanOrEqual(1.25);
  });

  it('a burst does not gather on the one endpoint whose queue was shortest', () => {
    const pool = idlePool(8);
    for (const slot of pool.all) scraped(pool, slot, { waiting: slot === 3 ? 0 : 2 });
    const scheduler = defaultScheduler(pool);
    const slots = Array.from({ length: 64 }, (_, i) => send(pool, scheduler, distinctPrompt(i)));
    expect(slots.filter((slot) => slot === 3).length).toBeLessThanOrEqual(16);
  });
});

describe('prefix affinity', () => {
  it('sends at least 95 % of repeated long prompts to the holder while it is not overloaded', () => {
    const pool = idlePool(8);
    const scheduler = defaultScheduler(pool);
    const prompts = Array.from({ length: 20 }, (_, i) => distinctPrompt(i).repeat(6));
    const holders = prompts.map((prompt) => send(pool, scheduler, prompt));
    let toHolder = 0;
    for (let round = 0; round < 10; round++) {
      for (const slot of pool.all) scraped(pool, slot, { running: 4, kvUsage: 0.2 + slot / 100 });
      for (const [i, prompt] of prompts.entries()) if (send(pool, scheduler, prompt) === holders[i]) toHolder++;
    }
    expect(toHolder / 200).toBeGreaterThanOrEqual(0.95);
  });
});
