// What one decision costs, by the size of the pool and by scorer. "alone" is filters, scorers and picker; "all of it"
// adds producers and what plugins note down after the pick. Bytes are what the JavaScript heap gave out for it alone;
// typed arrays over 64 bytes are outside of it. Prompts are 1.5 kB, of 400 chats, three quarters of them seen before.
import { getHeapStatistics } from 'node:v8';
import { Rejection } from '../../../src/core/errors.ts';
import type { Follower } from '../../../src/core/hooks.ts';
import { hasRole, type PluginDefinition } from '../../../src/core/plugin.ts';
import type { InferenceRequest } from '../../../src/core/request.ts';
import type { Schedule } from '../../../src/core/schedule.ts';
import type { EndpointTable } from '../../../src/datastore/endpoint-table.ts';
import { PLUGINS } from '../../../src/plugins/catalog.ts';
import type { Scheduler } from '../../../src/scheduling/scheduler.ts';
import { NO_EDITS } from '../../kit/edits.ts';
import { headersOf } from '../../kit/headers.ts';
import { inferenceRequest } from '../../kit/plugins.ts';
import { DEFAULT_PROFILE, type ProfileParts, schedulerOf } from '../../kit/scheduler.ts';
import { type Effort, type Figure, median, type MicroCase } from '../harness.ts';
import { busyPool } from './busy-pool.ts';
import { cpuUs } from './cpu.ts';

const SIZES = [8, 100, 1000];
const TARGETS_US: Readonly<Record<number, number>> = { 8: 5, 1000: 60 };
const WARM_UP_ROUNDS = 8;
const ROUNDS = 12;
const CALLS = 500;

/** Filters that leave a part of the busy pool to the scorers. */
const FILTERS = [
  'decode-filter',
  'label-selector-filter',
  'context-length-aware',
  'endpoint-attribute-filter',
  'utilization-filter',
  'utilization-detector',
  'concurrency-detector',
];
const everyScorer = PLUGINS.filter((each) => hasRole(each, 'scorer')).map((plugin) => ({ plugin, weight: 1 }));
const said = {
  media: { itemsBySlot: Uint32Array.from({ length: 1024 }, (_, i) => i % 3), totalItems: 2 },
  peer: 0,
};

/** The profile of the built-in configuration. */
export const decision: MicroCase = {
  name: 'decision',
  *run(effort) {
    for (const size of SIZES) {
      const { alone, allOfIt, bytes } = measure({ ...DEFAULT_PROFILE, fallbacks: 2 }, size, effort);
      yield {
        what: `alone, ${size} endpoints`,
        value: alone,
        unit: 'us',
        ...(TARGETS_US[size] && { target: TARGETS_US[size] }),
      };
      yield { what: `all of it, ${size} endpoints`, value: allOfIt, unit: 'us' };
      yield { what: `heap for it alone, ${size} endpoints`, value: bytes, unit: 'bytes' };
    }
  },
};

/** What plugins add. */
export const scorers: MicroCase = {
  name: 'scorers',
  *run(effort) {
    const filters = FILTERS.map(definitionOf);
    yield* decisions('every one', { scorers: everyScorer, said, fallbacks: 2 }, SIZES, effort);
    yield* decisions(`every one, ${FILTERS.length} filters`, { scorers: everyScorer, said, filters }, SIZES, effort);
    for (const each of everyScorer) yield* decisions(each.plugin.type, { scorers: [each], said }, [100], effort);
  },
};

function* decisions(
  name: string,
  parts: ProfileParts,
  sizes: readonly number[],
  effort: Effort,
): Iterable<Omit<Figure, 'name'>> {
  for (const size of sizes) {
    yield { what: `${name}, ${size} endpoints`, value: measure(parts, size, effort).alone, unit: 'us' };
  }
}

function definitionOf(type: string): PluginDefinition {
  const definition = PLUGINS.find((each) => each.type === type);
  if (definition === undefined) throw new Error(`no plugin is of type ${type}`);
  return definition;
}

const headers = headersOf({ 'x-tier': 'gold' });
const known = Array.from({ length: 400 }, (_, chat) => `chat ${chat} `.repeat(150).slice(0, 1500));

function requestOf(call: number): InferenceRequest {
  const prompt = call % 4 === 0 ? `new ${call} `.repeat(150).slice(0, 1500) : known[call % known.length];
  return inferenceRequest({ headers, data: [] }, [prompt]);
}

interface Cost {
  readonly alone: number;
  readonly allOfIt: number;
  readonly bytes: number;
}

function measure(parts: ProfileParts, size: number, { quick }: Effort): Cost {
  const pool = busyPool(size);
  const round = roundsOf(schedulerOf(pool, parts), pool);
  for (let i = 0; i < (quick ? 1 : WARM_UP_ROUNDS); i++) round();
  const costs = Array.from({ length: quick ? 1 : ROUNDS }, () => round());
  const middle = (key: keyof Cost): number => median(costs.map((cost) => cost[key] / CALLS));
  return { alone: middle('alone'), allOfIt: middle('allOfIt'), bytes: middle('bytes') };
}

/** A function that takes 500 requests through their steps and sums what each step cost. */
function roundsOf(scheduler: Scheduler, pool: EndpointTable): () => Cost {
  // Every second endpoint has a request, the longest one there ends with every decision.
  const open: (readonly Follower[])[] = [];
  let call = 0;
  return () => {
    const requests = Array.from({ length: CALLS }, () => requestOf(call++));
    const schedules: Schedule[] = [];
    const producing = cpuUs(() => requests.forEach((request) => void scheduler.produce(request, pool.all)));
    const before = getHeapStatistics().total_allocated_bytes;
    const alone = cpuUs(() => {
      for (const request of requests) schedules.push(picked(scheduler.schedule(request, pool.all)));
    });
    const bytes = getHeapStatistics().total_allocated_bytes - before;
    const noting = cpuUs(() => {
      for (const [i, request] of requests.entries()) {
        open.push(scheduler.picked(request, schedules[i], NO_EDITS) ?? []);
        if (open.length > pool.all.length / 2) for (const follower of open.shift() ?? []) follower.onEnd?.('complete');
      }
    });
    return { alone, allOfIt: producing + alone + noting, bytes };
  };
}

function picked(schedule: Schedule | Rejection): Schedule {
  if (schedule instanceof Rejection) throw new Error(schedule.message);
  return schedule;
}
